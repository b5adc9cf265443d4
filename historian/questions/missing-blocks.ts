import type { SummarizedBlock } from '../files/block-list.ts';
import type { Gap } from '../reading/gap.ts';
import { damageGap } from '../reading/gaps.ts';
import type { DamagedBlock } from '../reading/scan.ts';

/** Blocks whose samples an answer does not have, as gaps: of those that have expired with what to ask instead. */
export class MissingBlocks {
  readonly gaps: Gap[] = [];
  /** Where the last one begins, µs. */
  lastUs = Number.NEGATIVE_INFINITY;
  private refused: { readonly firstUs: number; readonly advice: string } | undefined;

  /** A block was not taken; of one that has expired nothing else is left. */
  refuse({ summary, expired }: SummarizedBlock, advice: string | undefined): void {
    if (expired && advice !== undefined) this.refused = { firstUs: summary.firstUs, advice };
  }

  add(damage: DamagedBlock): void {
    const { refused } = this;
    const gap = damageGap(damage);
    this.gaps.push(refused?.firstUs === damage.firstUs ? { ...gap, detail: refused.advice } : gap);
    this.lastUs = Math.max(this.lastUs, damage.firstUs);
  }
}
