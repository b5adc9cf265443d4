import type { DemoFault, Items } from './api-types.ts';
import { byId, el, setAttribute, setChildren, setText } from './dom.ts';
import { formatSpan } from './format.ts';
import { below } from './grouping.ts';
import { sayError, send } from './request.ts';

/** The demo's menu of faults. */
export class FaultsView {
  private readonly place = byId('faults-list');
  private readonly button = byId('break');
  private readonly rows = new Map<string, FaultRow>();
  private readonly nowMs: () => number;

  constructor(nowMs: () => number) {
    this.nowMs = nowMs;
  }

  show(faults: readonly DemoFault[]): void {
    this.button.hidden = false;
    const active = faults.filter((fault) => fault.active).length;
    setAttribute(this.button, 'data-active', active === 0 ? undefined : '');
    const label = this.button.querySelector('span');
    if (label !== null) setText(label, active === 0 ? 'Break something' : `${active} broken`);
    const roots = faults.map((fault) => {
      const row = this.rows.get(fault.name) ?? new FaultRow(fault, (items) => this.show(items));
      this.rows.set(fault.name, row);
      row.show(fault, this.nowMs());
      return row.root;
    });
    setChildren(this.place, roots);
  }
}

class FaultRow {
  readonly root: HTMLLIElement;
  private readonly toggle: HTMLButtonElement;
  private readonly since = el('span', { class: 'since' });
  private readonly error = el('p', { class: 'error', role: 'alert' });
  private readonly onFaults: (faults: readonly DemoFault[]) => void;
  private fault: DemoFault;

  constructor(fault: DemoFault, onFaults: (faults: readonly DemoFault[]) => void) {
    this.fault = fault;
    this.onFaults = onFaults;
    const { name, description, asset, signals } = fault;
    const id = `fault-${name}`;
    this.toggle = el('button', {
      type: 'button',
      class: 'switch',
      role: 'switch',
      'aria-checked': 'false',
      'aria-labelledby': id,
    });
    this.toggle.addEventListener('click', () => void this.flip());
    const where = asset.split('/').slice(1).join(' / ');
    const shows = signals.map((signal) => below(signal, asset)).join(', ');
    this.error.hidden = true;
    this.root = el(
      'li',
      { 'data-fault': name },
      el(
        'div',
        { class: 'text' },
        el('b', { id }, title(name)),
        el('p', {}, description),
        el('p', { class: 'muted' }, `${where}; shows in ${shows}`),
        this.since,
        this.error,
      ),
      this.toggle,
    );
  }

  show(fault: DemoFault, nowMs: number): void {
    this.fault = fault;
    setAttribute(this.toggle, 'aria-checked', String(fault.active));
    setText(
      this.since,
      fault.active && fault.since !== null ? `on for ${formatSpan(nowMs - Date.parse(fault.since))}` : '',
    );
  }

  private async flip(): Promise<void> {
    const { name, active } = this.fault;
    this.toggle.disabled = true;
    try {
      const path = `/api/v1/demo/faults/${encodeURIComponent(name)}`;
      const { items } = await send<Items<DemoFault>>(active ? 'DELETE' : 'POST', path);
      this.error.hidden = true;
      this.onFaults(items);
    } catch (thrown) {
      setText(this.error, sayError(thrown));
      this.error.hidden = false;
    } finally {
      this.toggle.disabled = false;
      this.toggle.focus();
    }
  }
}

function title(name: string): string {
  const text = name.replaceAll('-', ' ');
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
