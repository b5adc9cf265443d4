/* Functions that run within the page: they may use nothing from outside themselves. */

/** Controls without an accessible name. */
export function namelessControls(): string[] {
  const controls = document.querySelectorAll<HTMLElement>('button, input, a[href], [role], summary');
  return Array.from(controls)
    .filter((control) => {
      // What is announced when its text changes needs no name.
      if (control.role === 'status' || control.role === 'alert') return false;
      const label = control instanceof HTMLInputElement ? control.labels?.[0] : control;
      const labelled = document.getElementById(control.getAttribute('aria-labelledby') ?? '');
      return (control.ariaLabel ?? (labelled ?? label)?.textContent ?? '').trim() === '';
    })
    .map((control) => control.outerHTML.slice(0, 200));
}

/** Ids that stand more than once. */
export function doubledIds(): string[] {
  const ids = Array.from(document.querySelectorAll('[id]'), ({ id }) => id);
  return ids.filter((id, at) => ids.indexOf(id) !== at);
}

/** A text as it is seen; colours as red, green, blue of 0 to 255. */
export interface SeenText {
  readonly text: string;
  readonly ink: readonly number[];
  readonly ground: readonly number[];
  /** px. */
  readonly size: number;
  readonly weight: number;
}

/** Visible texts of the page, without those of controls that are switched off. */
export function seenTexts(): SeenText[] {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  if (canvas === null) throw new Error('no canvas');
  // The canvas mixes colours as the page does, whatever notation they are in.
  const mixed = (colors: readonly string[]): number[] => {
    for (const color of colors) {
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
    }
    return Array.from(canvas.getImageData(0, 0, 1, 1).data).slice(0, 3);
  };
  return Array.from(document.querySelectorAll<HTMLElement>('body *')).flatMap((element) => {
    const own = Array.from(element.childNodes, (node) => (node.nodeType === 3 ? (node.textContent ?? '') : ''));
    const text = own.join('').trim();
    const { clipPath, color, fontSize, fontWeight } = getComputedStyle(element);
    const visible = clipPath === 'none' && element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    if (text === '' || !visible || element.closest(':disabled') !== null) return [];
    const grounds = ['#fff'];
    for (let at: HTMLElement | null = element; at !== null; at = at.parentElement) {
      grounds.splice(1, 0, getComputedStyle(at).backgroundColor);
    }
    const ground = mixed(grounds);
    return [
      { text, ground, ink: mixed([...grounds, color]), size: Number.parseFloat(fontSize), weight: Number(fontWeight) },
    ];
  });
}

/** Whether anything reaches beyond the right edge of the page. */
export function isTooWide(): boolean {
  return document.documentElement.scrollWidth > document.documentElement.clientWidth;
}

/** Begins to add up shifts of the layout that nobody caused (`window.shifts`). */
export function watchShifts(): void {
  const place = window as unknown as { shifts: number };
  place.shifts = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean })[]) {
      if (!entry.hadRecentInput) place.shifts += entry.value;
    }
  }).observe({ type: 'layout-shift' });
}

/** The sum so far. */
export function shiftsSoFar(): number {
  return (window as unknown as { shifts: number }).shifts;
}
