import {
  DataChangeNotification,
  type MonitoredItemNotification,
  type NotificationMessage,
  PublishRequest,
  type PublishResponse,
  RepublishRequest,
  StatusChangeNotification,
} from 'node-opcua-client';
import { Fault } from '../../edge/core/fault.ts';
import type { Reading } from '../contract.ts';
import { Inbox } from '../inbox.ts';
import { lineOf, type Session } from './connect.ts';
import { exactValueOf } from './exact-notification.ts';
import type { Item, Subscription } from './items.ts';
import type { OpcuaLimits } from './limits.ts';
import { toMessage } from './reading.ts';
import { numbersOf, Sequence } from './sequence.ts';

/** What the answers of a server are turned into readings with. */
export interface PublishingOptions {
  readonly session: Session;
  /** The endpoint: names the source in every reading. */
  readonly source: string;
  readonly items: readonly Item[];
  readonly subscriptions: readonly Subscription[];
  readonly limits: OpcuaLimits;
}

/** Notifications with the same number that are acknowledged together. */
interface Delivery {
  readonly subscriptionId: number;
  readonly sequenceNumber: number;
  open: number;
}

interface Notified {
  readonly item: Item;
  readonly notification: MonitoredItemNotification;
  /** The first of its item: the value as it stands (OPC UA Part 4, 5.13.1.2). */
  readonly standing: boolean;
  readonly bytes: number;
  readonly delivery: Delivery;
}

type Arrival = Notified | { readonly reading: Reading };

/** Weight of a notification in memory beside its own bytes. */
const OVERHEAD_BYTES = 300;
/** Requests that wait at the server at most, whatever the number of subscriptions. */
const MAX_REQUESTS = 10;

/**
 * The way of a notification: we ask (Publish), the server answers with what has changed, and with our next question it learns which answers are safe in the log. While too
 * much is unacknowledged here nothing is asked: the server then keeps what it has room for, and marks with Overflow what it had to drop.
 */
export class Publishing {
  readonly inbox: Inbox<Arrival>;
  private readonly options: PublishingOptions;
  private readonly sequences = new Map<number, Sequence>();
  /** Items that a notification has come for. */
  private readonly told = new Set<Item>();
  private acknowledgements: { subscriptionId: number; sequenceNumber: number }[] = [];
  private requests = 0;
  private mostRequests: number;
  private bytes = 0;
  private notifications = 0;
  /** Readings that nobody has read. */
  private unread = 0;
  private ended: { readonly error: unknown } | undefined;
  /** Answers are taken one after the other, also while a missing one is asked for. */
  private work: Promise<void> = Promise.resolve();

  constructor(options: PublishingOptions) {
    this.options = options;
    for (const { id } of options.subscriptions) this.sequences.set(id, new Sequence());
    this.mostRequests = Math.min(options.subscriptions.length + 1, MAX_REQUESTS);
    this.inbox = new Inbox<Arrival>({
      toReading: (arrival) => this.toReading(arrival),
      bytesOf: (arrival) => ('reading' in arrival ? 0 : arrival.bytes),
      onAcknowledged: (arrival) => {
        if (!('reading' in arrival)) this.acknowledged(arrival);
      },
      onFailed: (error) => this.finish(error),
    });
  }

  /** Begins to ask. */
  start(): void {
    this.ask();
  }

  /** Bytes of notifications that are not acknowledged. */
  get heldBytes(): number {
    return this.bytes;
  }

  /** Something that is no notification, in its order among them. */
  tell(reading: Reading): void {
    this.unread++;
    this.inbox.add({ reading });
  }

  /** The connection is lost: nothing is asked any more, and when what has arrived has been read `read` rejects. */
  finish(error: unknown): void {
    if (this.ended !== undefined) return;
    this.ended = { error };
    if (this.unread === 0) this.inbox.end(error);
  }

  private toReading(arrival: Arrival): Reading {
    this.unread--;
    if (this.unread === 0 && this.ended !== undefined) {
      const { error } = this.ended;
      // Behind the batch that is being made.
      queueMicrotask(() => this.inbox.end(error));
    }
    if ('reading' in arrival) return arrival.reading;
    return toMessage(this.options.source, arrival.item, arrival.notification, arrival.standing);
  }

  private acknowledged({ bytes, delivery }: Notified): void {
    this.bytes -= bytes;
    this.notifications--;
    this.settle(delivery);
    this.ask();
  }

  private settle(delivery: Delivery): void {
    delivery.open--;
    if (delivery.open > 0) return;
    const { subscriptionId, sequenceNumber } = delivery;
    this.acknowledgements.push({ subscriptionId, sequenceNumber });
  }

  private ask(): void {
    const { heldBytes, heldNotifications } = this.options.limits;
    while (this.requests < this.mostRequests && this.sequences.size > 0) {
      if (this.ended !== undefined || this.bytes >= heldBytes || this.notifications >= heldNotifications) return;
      this.publish();
    }
  }

  private publish(): void {
    const { session, subscriptions, limits } = this.options;
    const subscriptionAcknowledgements = this.acknowledgements;
    this.acknowledgements = [];
    this.requests++;
    const longestMs = Math.max(...subscriptions.map(({ keepAliveMs }) => keepAliveMs));
    // Each request may have to wait until those before it are answered.
    const timeoutHint = longestMs * (this.mostRequests + 1) + limits.requestMs;
    const request = new PublishRequest({ requestHeader: { timeoutHint }, subscriptionAcknowledgements });
    session.publish(request, (error, response) => {
      if (this.ended !== undefined) return;
      if (error === null && response !== undefined) return void this.answered(response);
      this.requests--;
      this.failed(error ?? new Error('an empty answer'));
    });
  }

  /** Takes an answer when those before it have been taken. */
  private async answered(response: PublishResponse): Promise<void> {
    const before = this.work;
    this.work = (async (): Promise<void> => {
      await before;
      await this.take(response);
    })();
    try {
      await this.work;
      // Only now: what it brought counts.
      this.requests--;
      this.ask();
    } catch (error) {
      this.failed(error);
    }
  }

  private failed(error: unknown): void {
    // The server takes fewer requests at a time than we thought: it answers the others first.
    if (lineOf(error).includes('BadTooManyPublishRequests') && this.mostRequests > 1) {
      this.mostRequests = Math.max(1, this.requests);
      return this.ask();
    }
    this.finish(new Fault('opcua-lost', `${this.options.source}: ${lineOf(error)}.`, { cause: error }));
  }

  private async take({
    subscriptionId,
    notificationMessage,
    availableSequenceNumbers,
  }: PublishResponse): Promise<void> {
    const sequence = this.sequences.get(subscriptionId);
    if (sequence === undefined) return;
    const isKeepAlive = (notificationMessage.notificationData ?? []).length === 0;
    const gap = sequence.take(notificationMessage.sequenceNumber, isKeepAlive);
    if (gap.count > 0) await this.fetchMissing(subscriptionId, gap, new Set(availableSequenceNumbers ?? []));
    if (!isKeepAlive) this.takeNotifications(subscriptionId, notificationMessage);
  }

  /** What the server sent and we did not get it keeps for a while (OPC UA Part 4, 5.14.6). */
  private async fetchMissing(
    subscriptionId: number,
    gap: { readonly first: number; readonly count: number },
    available: ReadonlySet<number>,
  ): Promise<void> {
    let missing = gap.count;
    for (const number of numbersOf(gap)) {
      const message = available.has(number) ? await this.republished(subscriptionId, number) : undefined;
      if (message === undefined) continue;
      this.takeNotifications(subscriptionId, message);
      missing--;
    }
    if (missing === 0) return;
    const reason = `${missing} notifications from number ${gap.first} on were lost, of whatever nodes.`;
    this.tell({
      type: 'event',
      event: 'problem',
      source: this.options.source,
      address: `subscription ${subscriptionId}`,
      reason,
    });
  }

  private async republished(
    subscriptionId: number,
    retransmitSequenceNumber: number,
  ): Promise<NotificationMessage | undefined> {
    const { session } = this.options;
    const request = new RepublishRequest({ subscriptionId, retransmitSequenceNumber });
    return await new Promise((resolve) => {
      // Without it the message counts as lost; a connection that is lost is told of by the next request.
      session.republish(request, (error, response) =>
        resolve(error === null ? response?.notificationMessage : undefined),
      );
    });
  }

  private takeNotifications(subscriptionId: number, { sequenceNumber, notificationData }: NotificationMessage): void {
    // One more, so that it cannot be settled while it is being filled.
    const delivery: Delivery = { subscriptionId, sequenceNumber, open: 1 };
    for (const data of notificationData ?? []) {
      if (data instanceof DataChangeNotification) this.addChanges(data, delivery);
      else if (data instanceof StatusChangeNotification) {
        this.failed(new Error(`the server ended subscription ${subscriptionId}: ${data.status.name}`));
      }
    }
    this.settle(delivery);
  }

  private addChanges({ monitoredItems }: DataChangeNotification, delivery: Delivery): void {
    for (const notification of monitoredItems ?? []) {
      const item = this.options.items[notification.clientHandle];
      if (item === undefined) continue;
      const bytes = exactValueOf(notification).original.length + OVERHEAD_BYTES;
      this.bytes += bytes;
      this.notifications++;
      this.unread++;
      delivery.open++;
      const standing = !this.told.has(item);
      this.told.add(item);
      this.inbox.add({ item, notification, standing, bytes, delivery });
    }
  }
}
