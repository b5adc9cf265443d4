import {
  BrowseDirection,
  type BrowseResult,
  type NodeId,
  type ReferenceDescription,
  NodeClass,
  resolveNodeId as wellKnown,
} from 'node-opcua-client';
import { escapeSegment } from '../../edge/core/tag-path.ts';
import type { BrowseConfig } from './config.ts';
import type { Session } from './connect.ts';
import type { OpcuaLimits } from './limits.ts';
import { nodeIdText, parseNodeId, resolveNodeId } from './node-id.ts';
import { PathPattern } from './path-pattern.ts';
import type { ServerFacts } from './server-facts.ts';

/** A variable that was found. */
interface Found {
  readonly nodeId: NodeId;
  /** Tag below the site. */
  readonly tag: string;
}

/** Something that browsing left out. */
export interface LeftOut {
  readonly address: string;
  readonly reason: string;
}

/** What browsing found, and what it could not look at. */
export interface Harvest {
  readonly found: readonly Found[];
  readonly leftOut: readonly LeftOut[];
}

interface Place {
  readonly nodeId: NodeId;
  /** Escaped names below the node at which it begins. */
  readonly path: readonly string[];
}

// Well-known nodes and references (OPC UA Part 6, annex A).
const OBJECTS = 'i=85';
const SERVER = 'i=2253';
const HIERARCHICAL_REFERENCES = 'i=33';
const HAS_PROPERTY = 'i=46';
const VARIABLES_AND_OBJECTS = NodeClass.Object | NodeClass.Variable;
/** NodeClass.Variable, as a number. */
const VARIABLE: number = NodeClass.Variable;
/** Reference type, node class and browse name. */
const RESULT_MASK = 0x01 | 0x04 | 0x08;
/** StatusCodes of a single node that only say: not so many at a time (Part 4, 5.9.2). */
const NO_CONTINUATION_POINTS = 'BadNoContinuationPoints';

/**
 * Walks the hierarchy breadth first, so that a node with several parents has its shortest path. Variables whose path matches are found. Properties are not (they describe
 * other nodes), nor is the Server object (the server's own diagnostics) unless it is where browsing begins.
 */
export async function browse(
  session: Session,
  config: BrowseConfig,
  facts: ServerFacts,
  limits: OpcuaLimits,
): Promise<Harvest> {
  const start = startOf(config.from, facts.namespaces);
  if (start === undefined) {
    return { found: [], leftOut: [{ address: config.from, reason: 'The server does not have this namespace.' }] };
  }
  return await new Walk(session, config, facts, limits).from(start);
}

function startOf(from: string, namespaces: readonly string[]): NodeId | undefined {
  if (from === 'Objects') return wellKnown(OBJECTS);
  const name = parseNodeId(from);
  return name === undefined ? undefined : resolveNodeId(name, namespaces);
}

class Walk {
  private readonly session: Session;
  private readonly facts: ServerFacts;
  private readonly limits: OpcuaLimits;
  private readonly patterns: readonly PathPattern[];
  private readonly prefix: readonly string[];
  private readonly seen = new Set<string>();
  private readonly found: Found[] = [];
  private readonly leftOut: LeftOut[] = [];
  private next: Place[] = [];
  private full = false;

  constructor(session: Session, config: BrowseConfig, facts: ServerFacts, limits: OpcuaLimits) {
    this.session = session;
    this.facts = facts;
    this.limits = limits;
    this.patterns = config.include.map((pattern) => new PathPattern(pattern));
    this.prefix = config.prefix === undefined || config.prefix === '' ? [] : [config.prefix];
  }

  async from(nodeId: NodeId): Promise<Harvest> {
    this.seen.add(nodeId.toString());
    this.next = [{ nodeId, path: [] }];
    for (let depth = 0; this.next.length > 0 && !this.full; depth++) {
      if (depth === this.limits.browseDepth) {
        this.leave(this.next[0], `Deeper than ${depth} levels, as ${this.next.length} nodes are: not looked at.`);
        break;
      }
      const level = this.next;
      this.next = [];
      await this.lookAt(level);
    }
    return { found: this.found, leftOut: this.leftOut };
  }

  private async lookAt(level: readonly Place[]): Promise<void> {
    const { maxNodesPerBrowse } = this.facts;
    const atOnce =
      maxNodesPerBrowse > 0 ? Math.min(maxNodesPerBrowse, this.limits.browsePerCall) : this.limits.browsePerCall;
    for (let i = 0; i < level.length && !this.full; i += atOnce) {
      const places = level.slice(i, i + atOnce);
      const crowded = await this.lookInto(places);
      // One by one each of them finds a continuation point.
      for (const place of crowded) await this.lookInto([place]);
    }
  }

  /** Returns the places for which the server had no continuation point left. */
  private async lookInto(places: readonly Place[]): Promise<Place[]> {
    this.session.requestedMaxReferencesPerNode = this.limits.referencesPerNode;
    const results = await this.session.browse(places.map(({ nodeId }) => descriptionOf(nodeId)));
    const crowded: Place[] = [];
    for (const [i, place] of places.entries()) {
      const result = results[i];
      if (result === undefined) this.leave(place, 'The server did not answer for it.');
      else if (result.statusCode.name === NO_CONTINUATION_POINTS && places.length > 1) crowded.push(place);
      else await this.follow(place, result);
    }
    return crowded;
  }

  private async follow(place: Place, first: BrowseResult): Promise<void> {
    let result = first;
    for (;;) {
      if (result.statusCode.isBad()) return this.leave(place, `Browsing it: ${result.statusCode.name}.`);
      for (const reference of result.references ?? []) this.visit(place, reference);
      const point: Uint8Array | null | undefined = result.continuationPoint;
      if (point === null || point === undefined || point.length === 0) return;
      // Also when full: the continuation point is then given back.
      result = await this.session.browseNext(result.continuationPoint, this.full);
      if (this.full) return;
    }
  }

  private visit(parent: Place, { nodeId, browseName, nodeClass, referenceTypeId }: ReferenceDescription): void {
    if (this.full || referenceTypeId.toString() === `ns=0;${HAS_PROPERTY}`) return;
    const key = nodeId.toString();
    // A node of another server cannot be monitored here.
    if (this.seen.has(key) || key === `ns=0;${SERVER}` || nodeId.serverIndex > 0) return;
    if (this.seen.size >= this.limits.browsedNodes) {
      this.full = true;
      return this.leave(parent, `Browsing ends at ${this.limits.browsedNodes} nodes: the others are not looked at.`);
    }
    this.seen.add(key);
    const place = { nodeId, path: [...parent.path, escapeSegment(browseName.name ?? '')] };
    if (browseName.name === null || browseName.name === '') return this.leave(place, 'It has no browse name.');
    this.next.push(place);
    if (!isVariable(nodeClass) || !this.patterns.some((pattern) => pattern.matches(place.path))) return;
    this.found.push({ nodeId, tag: [...this.prefix, ...place.path].join('/') });
  }

  private leave(place: Place | undefined, reason: string): void {
    const address = place === undefined ? '' : nodeIdText(place.nodeId, this.facts.namespaces);
    this.leftOut.push({ address, reason });
  }
}

function descriptionOf(nodeId: NodeId): {
  nodeId: NodeId;
  browseDirection: BrowseDirection;
  referenceTypeId: NodeId;
  includeSubtypes: boolean;
  nodeClassMask: number;
  resultMask: number;
} {
  return {
    nodeId,
    browseDirection: BrowseDirection.Forward,
    referenceTypeId: wellKnown(HIERARCHICAL_REFERENCES),
    includeSubtypes: true,
    nodeClassMask: VARIABLES_AND_OBJECTS,
    resultMask: RESULT_MASK,
  };
}

function isVariable(nodeClass: number): boolean {
  return nodeClass === VARIABLE;
}
