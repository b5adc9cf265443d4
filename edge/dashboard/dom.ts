/* The little that the dashboard needs of a framework. Text is only ever set as text: no HTML is made of data. */

type Child = Node | string;

interface Properties {
  readonly class?: string;
  readonly id?: string;
  readonly title?: string;
  readonly type?: string;
  readonly role?: string;
  readonly [attribute: `aria-${string}` | `data-${string}`]: string;
}

/** An element with attributes and children. */
export function el<K extends keyof HTMLElementTagNameMap>(
  name: K,
  properties: Properties = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) element.setAttribute(key, value as string);
  element.append(...children);
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/** An icon of the page's sprite; only decoration: what it says stands beside it as text. */
export function icon(name: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Another icon in the same place. */
export function setIcon(svg: SVGSVGElement, name: string): void {
  const use = svg.firstElementChild;
  if (use?.getAttribute('href') !== `#i-${name}`) use?.setAttribute('href', `#i-${name}`);
}

/** A drawing with one path. */
export function drawing(
  className: string,
  width: number,
  height: number,
): { svg: SVGSVGElement; path: SVGPathElement } {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', className);
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  svg.append(path);
  return { svg, path };
}

const GAUGE_WIDTH = 100;

/** A bar over its track, filled by a part of 0 to 1. Decoration: the number stands beside it, or its place says it to those who do not see it. */
export function gauge(part: number): SVGSVGElement {
  const { svg, path } = drawing('gauge', GAUGE_WIDTH, 6);
  path.setAttribute('d', `M0 0H${(Math.min(1, Math.max(0, part)) * GAUGE_WIDTH).toFixed(1)}V6H0z`);
  return svg;
}

/** Sets a text, if it is another: an unchanged page is not laid out again. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets an attribute, if it is another; undefined removes it. */
export function setAttribute(element: Element, name: string, value: string | undefined): void {
  if (value === undefined) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** The element of the page with this id. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element;
}

/** Makes the children of a place these ones, without touching those that are there already in the right order. */
export function setChildren(place: Element, wanted: readonly Element[]): void {
  const keep = new Set(wanted);
  for (const child of Array.from(place.children)) if (!keep.has(child)) child.remove();
  for (const [at, child] of wanted.entries()) {
    const there = place.children[at];
    if (there !== child) place.insertBefore(child, there ?? null);
  }
}
