import type { Alarm, AlarmState, Priority, Reason } from './api-types.ts';
import { byId, el, gauge, icon, setChildren, setText } from './dom.ts';
import { decimalsFor, formatMoment, formatNumber, formatSpan, formatUnit, NOTHING, plural } from './format.ts';
import { below } from './grouping.ts';
import { sayError, send } from './request.ts';

const STATES: Readonly<Record<AlarmState, string>> = {
  UNACK: 'Unacknowledged',
  ACKED: 'Acknowledged',
  RTNUN: 'Returned, unacknowledged',
  SHLVD: 'Shelved',
  DSUPR: 'Suppressed by design',
  OOSRV: 'Out of service',
};
const PRIORITIES: readonly Priority[] = ['urgent', 'high', 'medium', 'low'];
/** Reasons of an alarm that are shown; the others have little share. */
const MAX_REASONS = 5;
const MAX_ALARMS = 100;
const SHELVE_FOR = '1h';

export interface AlarmHooks {
  readonly unitOf: (path: string) => string | null;
  readonly nowMs: () => number;
  /** Draws these tags in the trend. */
  readonly onDraw: (paths: readonly string[]) => void;
  /** Something was done: the list is another now. */
  readonly onDone: () => void;
}

/** Alarms that are not normal, with reasons and what can be done. */
export class AlarmsView {
  private readonly hooks: AlarmHooks;
  private readonly place = byId('alarms');
  private readonly cards = new Map<
    string,
    { readonly key: string; readonly root: HTMLElement; readonly age: HTMLElement }
  >();
  private alarms: readonly Alarm[] = [];
  private seen: ReadonlySet<string> | undefined;

  constructor(hooks: AlarmHooks) {
    this.hooks = hooks;
  }

  /** Alarms by asset, without those put aside. */
  countByAsset(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { asset, state } of this.alarms) {
      if (state !== 'SHLVD') counts.set(asset, (counts.get(asset) ?? 0) + 1);
    }
    return counts;
  }

  show(alarms: readonly Alarm[]): void {
    this.alarms = alarms;
    const sorted = alarms.toSorted((a, b) => rank(a) - rank(b) || b.since.localeCompare(a.since)).slice(0, MAX_ALARMS);
    const roots = sorted.map((alarm) => this.card(alarm));
    const ids = new Set(sorted.map(({ id }) => id));
    for (const id of this.cards.keys()) if (!ids.has(id)) this.cards.delete(id);
    if (alarms.length === 0)
      roots.push(
        el(
          'li',
          { class: 'empty calm' },
          icon('ready'),
          el('span', {}, 'No alarms. Everything that is watched is as it should be.'),
        ),
      );
    if (alarms.length > MAX_ALARMS) roots.push(el('li', { class: 'empty' }, `${alarms.length - MAX_ALARMS} more.`));
    setChildren(this.place, roots);
    const open = alarms.filter(({ state }) => state === 'UNACK').length;
    setText(byId('alarm-count'), open === 0 ? '' : `${open} unacknowledged`);
    this.announce();
    this.tick();
  }

  /** Time has gone by. */
  tick(): void {
    const nowMs = this.hooks.nowMs();
    for (const { id, since } of this.alarms) {
      const age = this.cards.get(id)?.age;
      if (age !== undefined)
        setText(age, `${formatMoment(Date.parse(since), nowMs)}, ${formatSpan(nowMs - Date.parse(since))} ago`);
    }
  }

  /** Says new alarms aloud to those who do not see them. */
  private announce(): void {
    const standing = this.alarms.filter(({ state }) => state === 'UNACK');
    const news =
      this.seen === undefined ? [] : standing.filter(({ id, since }) => this.seen?.has(id + since) === false);
    if (news.length > 0)
      setText(
        byId('alarm-said'),
        `${plural(news.length, 'new alarm')}: ${news.map(({ message }) => message).join('. ')}`,
      );
    this.seen = new Set(standing.map(({ id, since }) => id + since));
  }

  private card(alarm: Alarm): HTMLElement {
    const units = alarm.reasons.map(({ signal }) => this.hooks.unitOf(signal));
    const key = JSON.stringify([units, alarm.state, alarm.message, alarm.reasons, alarm.priority, alarm.shelvedUntil]);
    const before = this.cards.get(alarm.id);
    if (before?.key === key) return before.root;
    const age = el('span', { class: 'muted when' });
    const root = this.build(alarm, age);
    // Who has a button of it under the finger keeps it there.
    const focused = before?.root.contains(document.activeElement) === true ? document.activeElement : null;
    const name = focused?.getAttribute('data-action');
    this.cards.set(alarm.id, { key, root, age });
    if (name !== null && name !== undefined)
      queueMicrotask(() => root.querySelector<HTMLElement>(`[data-action="${name}"]`)?.focus());
    return root;
  }

  private build(alarm: Alarm, age: HTMLElement): HTMLElement {
    const { id, priority, state, name, asset, message, reasons } = alarm;
    const [, ...levels] = asset.split('/');
    const head = el(
      'div',
      { class: 'head' },
      icon(priority),
      el('span', { class: 'priority' }, priority),
      el('span', { class: 'badge state' }, STATES[state]),
    );
    const where = el(
      'p',
      { class: 'where' },
      el('b', {}, name),
      el('span', { class: 'muted' }, ` ${levels.join(' / ')}`),
    );
    const error = el('p', { class: 'error', role: 'alert' });
    error.hidden = true;
    return el(
      'li',
      { class: 'alarm', 'data-alarm': id, 'data-priority': priority, 'data-state': state },
      head,
      where,
      el('p', { class: 'message' }, message),
      ...(reasons.length === 0 ? [] : [this.reasons(alarm)]),
      age,
      this.actions(alarm, error),
      error,
    );
  }

  private reasons({ reasons, asset }: Alarm): HTMLElement {
    const items = reasons.slice(0, MAX_REASONS).map((reason) => this.reason(reason, asset));
    return el('ol', { class: 'reasons', 'aria-label': 'Reasons, the strongest first' }, ...items);
  }

  private reason({ signal, expected, seen, share }: Reason, asset: string): HTMLElement {
    const percent = Math.round((share ?? 0) * 100);
    const decimals = Math.max(1, decimalsFor(Math.max(Math.abs(expected ?? 0), Math.abs(seen ?? 0))));
    const say = (value: number | null): string => (value === null ? NOTHING : formatNumber(value, decimals));
    const unit = formatUnit(this.hooks.unitOf(signal));
    const button = el('button', { type: 'button', class: 'signal', title: `Draw ${signal}` }, below(signal, asset));
    button.addEventListener('click', () => this.hooks.onDraw([signal]));
    const numbers = el(
      'span',
      { class: 'numbers' },
      el('span', { class: 'muted' }, 'expected '),
      say(expected),
      el('span', { class: 'muted' }, ', seen '),
      el('b', {}, say(seen)),
      ` ${unit}`,
    );
    return el(
      'li',
      {},
      el('div', { class: 'line' }, button, el('span', { class: 'percent' }, `${percent} %`)),
      gauge(share ?? 0),
      numbers,
    );
  }

  private actions({ id, state, name, reasons, tag }: Alarm, error: HTMLElement): HTMLElement {
    const place = el('div', { class: 'actions' });
    const add = (text: string, action: string, body: object = {}, main = false): void => {
      const button = el(
        'button',
        {
          type: 'button',
          class: main ? 'button main' : 'button',
          'data-action': action,
          'aria-label': `${text} ${name}`,
        },
        text,
      );
      button.addEventListener('click', () => void this.act(id, action, body, button, error));
      place.append(button);
    };
    if (state === 'UNACK' || state === 'RTNUN') add('Acknowledge', 'acknowledge', {}, true);
    if (state === 'SHLVD') add('Unshelve', 'unshelve');
    else if (state === 'UNACK' || state === 'ACKED' || state === 'RTNUN')
      add('Shelve 1 h', 'shelve', { for: SHELVE_FOR });
    const draw = el(
      'button',
      { type: 'button', class: 'button', 'data-action': 'draw', 'aria-label': `Show ${name} in the trend` },
      'Trend',
    );
    const signals = reasons.slice(0, 3).map(({ signal }) => signal);
    draw.addEventListener('click', () => this.hooks.onDraw(signals.length === 0 ? [tag] : signals));
    place.append(draw);
    return place;
  }

  private async act(
    id: string,
    action: string,
    body: object,
    button: HTMLButtonElement,
    error: HTMLElement,
  ): Promise<void> {
    button.disabled = true;
    try {
      await send('POST', `/api/v1/alarms/${encodeURIComponent(id)}/${action}`, body);
      error.hidden = true;
      this.hooks.onDone();
    } catch (thrown) {
      setText(error, sayError(thrown));
      error.hidden = false;
    } finally {
      button.disabled = false;
    }
  }
}

/** Unacknowledged ones first, then by priority; what is put aside last. */
function rank({ state, priority }: Alarm): number {
  const group = state === 'UNACK' ? 0 : state === 'RTNUN' ? 1 : state === 'ACKED' ? 2 : 3;
  return group * PRIORITIES.length + PRIORITIES.indexOf(priority);
}
