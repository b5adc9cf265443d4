import type { Model } from './api-types.ts';
import { byId, el, gauge, setChildren } from './dom.ts';
import { formatMoment, formatNumber, plural } from './format.ts';

const STATES: Readonly<Record<Model['state'], string>> = {
  learning: 'Learning',
  candidate: 'Candidate',
  shadow: 'Shadow',
  active: 'Active',
  retired: 'Retired',
  failed: 'Failed',
};
const PHASES = { collecting: 'Collecting history', training: 'Training' } as const;
/** Where a score is as high as its threshold, the meter is filled so far. */
const THRESHOLD_AT = 0.6;

/** Models: what they do, how far they are, how they judge. */
export class ModelsView {
  private readonly place = byId('models');
  private before = '';

  show(models: readonly Model[], nowMs: number): void {
    const key = JSON.stringify(models);
    if (key === this.before) return;
    this.before = key;
    const cards = models.map((model) => card(model, nowMs));
    if (cards.length === 0)
      cards.push(
        el(
          'li',
          { class: 'empty' },
          'No models. Describe one under models in millrace.yaml; it learns by itself from this gateway’s history.',
        ),
      );
    setChildren(this.place, cards);
  }
}

function card(model: Model, nowMs: number): HTMLElement {
  const { name, asset, state, progress, detail, signals, backend, version } = model;
  const [, ...levels] = asset.split('/');
  const facts = [
    plural(signals.length, 'signal'),
    ...(backend === null ? [] : [backend]),
    ...(version === null ? [] : [`version ${version}`]),
  ];
  return el(
    'li',
    { class: 'model', 'data-state': state, 'data-model': name },
    el(
      'div',
      { class: 'head' },
      el('b', {}, name),
      el('span', { class: 'muted' }, levels.join(' / ')),
      el('span', { class: 'badge state' }, STATES[state]),
    ),
    ...(progress === null ? [] : [progressBar(name, progress)]),
    ...(model.score === null ? [] : [scoreMeter(name, model.score, model.threshold ?? 1)]),
    ...(detail === null ? [] : [el('p', { class: 'message' }, detail)]),
    el('p', { class: 'muted facts' }, [...facts, ...trainedText(model, nowMs)].join(' · ')),
  );
}

function trainedText({ trainedFrom, trainedTo }: Model, nowMs: number): string[] {
  if (trainedFrom === null || trainedTo === null) return [];
  return [
    `learned from ${formatMoment(Date.parse(trainedFrom), nowMs)} to ${formatMoment(Date.parse(trainedTo), nowMs)}`,
  ];
}

function progressBar(name: string, { phase, done }: NonNullable<Model['progress']>): HTMLElement {
  const percent = Math.floor(done * 100);
  const values = { 'aria-valuemin': '0', 'aria-valuemax': '100', 'aria-valuenow': String(percent) };
  return el(
    'div',
    { class: 'learning' },
    el('div', { class: 'line' }, el('span', {}, PHASES[phase]), el('span', { class: 'percent' }, `${percent} %`)),
    el('div', { role: 'progressbar', 'aria-label': `${PHASES[phase]}, ${name}`, ...values }, gauge(done)),
  );
}

function scoreMeter(name: string, score: number, threshold: number): HTMLElement {
  const text = `${formatNumber(score, 2)}, limit ${formatNumber(threshold, 2)}`;
  const values = { 'aria-valuemin': '0', 'aria-valuenow': score.toFixed(2), 'aria-valuetext': text };
  return el(
    'div',
    { class: score > threshold ? 'scoring over' : 'scoring' },
    el('div', { class: 'line' }, el('span', {}, 'Deviation'), el('span', { class: 'percent' }, text)),
    el(
      'div',
      { class: 'track', role: 'meter', 'aria-label': `Deviation, ${name}`, ...values },
      gauge((score / threshold) * THRESHOLD_AT),
      el('span', { class: 'threshold' }),
    ),
  );
}
