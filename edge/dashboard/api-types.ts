/* Answers of the HTTP API, as far as the dashboard reads them. `/openapi.json` describes all of it. */

/** A list. */
export interface Items<T> {
  readonly items: readonly T[];
}

export interface Status {
  readonly site: string;
  /** Of the site's clock. */
  readonly timezone: string;
  readonly version: string;
  readonly time: string;
  readonly demo: boolean;
  readonly ready: boolean;
  readonly parts: readonly Part[];
}

interface Part {
  readonly name: string;
  readonly ready: boolean;
  readonly detail: string | null;
}

export interface Tag {
  readonly path: string;
  readonly type: string | null;
  readonly unit: string | null;
  readonly connector: string;
  readonly kind: string;
}

export interface TagPage extends Items<Tag> {
  readonly next: string | null;
}

export interface Sample {
  readonly tag: string;
  readonly time: string;
  readonly value: unknown;
  readonly quality: number;
  readonly flags?: readonly string[];
}

export type Priority = 'low' | 'medium' | 'high' | 'urgent';
export type AlarmState = 'UNACK' | 'ACKED' | 'RTNUN' | 'SHLVD' | 'DSUPR' | 'OOSRV';

export interface Reason {
  readonly signal: string;
  readonly expected: number | null;
  readonly seen: number | null;
  readonly share: number | null;
}

export interface Alarm {
  readonly id: string;
  readonly name: string;
  readonly tag: string;
  readonly asset: string;
  readonly kind: 'limit' | 'model';
  readonly state: AlarmState;
  readonly priority: Priority;
  readonly since: string;
  readonly shelvedUntil: string | null;
  readonly message: string;
  readonly value: number | null;
  readonly limit: number | null;
  readonly reasons: readonly Reason[];
}

export interface Model {
  readonly name: string;
  readonly asset: string;
  readonly kind: string;
  readonly state: 'learning' | 'candidate' | 'shadow' | 'active' | 'retired' | 'failed';
  readonly version: string | null;
  readonly detail: string | null;
  readonly progress: { readonly phase: 'collecting' | 'training'; readonly done: number } | null;
  readonly signals: readonly string[];
  readonly trainedFrom: string | null;
  readonly trainedTo: string | null;
  readonly backend: string | null;
  readonly score: number | null;
  readonly threshold: number | null;
}

export interface Link {
  readonly name: string;
  readonly state: string;
  readonly detail: string | null;
  readonly topics: readonly { readonly topic: string; readonly lag: number | null }[];
}

export interface Forecast {
  readonly name: string;
  readonly fullInSeconds: number | null;
  readonly freeBytes: number;
}

export interface DemoFault {
  readonly name: string;
  readonly description: string;
  readonly asset: string;
  readonly signals: readonly string[];
  readonly active: boolean;
  readonly since: string | null;
}
