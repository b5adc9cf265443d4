import type { ConnectionState } from './connection.ts';
import { byId, setText } from './dom.ts';
import { formatSpan } from './format.ts';

/** What is wrong with the page itself: no connection, or an answer that did not come. */
export class Banner {
  private readonly root = byId('banner');
  private readonly retry = byId('retry');
  private readonly problems = new Map<string, string>();
  private state: ConnectionState = { name: 'connecting' };

  constructor(onRetry: () => void) {
    this.retry.addEventListener('click', onRetry);
  }

  showConnection(state: ConnectionState): void {
    // A try that is under way says nothing new.
    if (state.name === 'connecting' && this.state.name === 'lost') return;
    this.state = state;
    if (state.name === 'lost') this.problems.clear();
    this.tick();
  }

  /** `what` cannot be shown, and why. */
  problem(what: string, text: string): void {
    this.problems.set(what, text);
    this.tick();
  }

  clear(what: string): void {
    if (this.problems.delete(what)) this.tick();
  }

  /** A second has gone by. */
  tick(): void {
    const { state } = this;
    const lost = state.name === 'lost';
    const [problem = ''] = this.problems.values();
    const text = lost ? lostText(state.retryAtMs - Date.now()) : problem;
    this.root.hidden = text === '';
    this.retry.hidden = !lost;
    setText(byId('banner-text'), text);
  }
}

function lostText(leftMs: number): string {
  const when = leftMs > 1000 ? `Trying again in ${formatSpan(leftMs)}.` : 'Trying again now.';
  return `The gateway does not answer: these are the last values known. ${when} If it does not come back, see that it runs.`;
}
