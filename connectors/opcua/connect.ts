import {
  type ClientSession,
  type ClientSessionPublishService,
  type ClientSessionRawSubscriptionService,
  type EndpointDescription,
  MessageSecurityMode,
  OPCUAClient,
  type OPCUAClientOptions,
  SecurityPolicy,
  type UserIdentityInfo,
  UserTokenType,
} from 'node-opcua-client';
import { Fault, messageOf } from '../../edge/core/fault.ts';
import { readSecret } from '../../edge/core/secret.ts';
import { abortError } from '../inbox.ts';
import type { OpcuaConfig } from './config.ts';
import type { OpcuaLimits } from './limits.ts';
import { Trust } from './trust.ts';

/** A session with the services that the library's type leaves out. */
export type Session = ClientSession & ClientSessionPublishService & ClientSessionRawSubscriptionService;

/** A session on a channel, and what it stands on. */
export interface Connection {
  readonly endpoint: string;
  readonly session: Session;
  /** Resolves when the connection has ended, with the reason. */
  readonly lost: Promise<Fault>;
  /** Says farewell where that is still possible. */
  close(): Promise<void>;
}

const APPLICATION = 'Millrace';
const LOOPBACK = /^opc\.tcp:\/\/(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?(?:\/|$)/i;

/**
 * Connects to the first endpoint that answers: channel, session, identity. An endpoint that answers and refuses ends the attempt as one that does not answer does not: another
 * would hardly be meant differently, but it is tried all the same. Throws the fault of the last endpoint; an AbortError when the signal comes.
 */
export async function connect(config: OpcuaConfig, limits: OpcuaLimits, signal: AbortSignal): Promise<Connection> {
  const identity = await identityOf(config);
  const trust = await Trust.open(config.pki);
  let failure: unknown;
  for (const endpoint of config.endpoints) {
    if (signal.aborted) break;
    try {
      return await new Attempt(endpoint, config, limits, trust).run(identity, signal);
    } catch (error) {
      failure = error;
    }
  }
  await trust.close();
  throw signal.aborted ? abortError('aborted while connecting') : failure;
}

async function identityOf(config: OpcuaConfig): Promise<UserIdentityInfo> {
  if (config.identity === undefined) return { type: UserTokenType.Anonymous };
  const open = config.endpoints.find((endpoint) => config.channel.mode === 'None' && !LOOPBACK.test(endpoint));
  if (open !== undefined) throw new Fault('opcua-password-unprotected', `${open}: the channel has mode None.`);
  return {
    type: UserTokenType.UserName,
    userName: config.identity.user,
    password: await readSecret(config.identity.password),
  };
}

/** One try of one endpoint. */
class Attempt {
  private readonly endpoint: string;
  private readonly config: OpcuaConfig;
  private readonly limits: OpcuaLimits;
  private readonly trust: Trust;
  private readonly clients: OPCUAClient[] = [];

  constructor(endpoint: string, config: OpcuaConfig, limits: OpcuaLimits, trust: Trust) {
    this.endpoint = endpoint;
    this.config = config;
    this.limits = limits;
    this.trust = trust;
  }

  async run(identity: UserIdentityInfo, signal: AbortSignal): Promise<Connection> {
    const stop = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(abortError('aborted while connecting')), { once: true });
    });
    stop.catch(() => undefined);
    try {
      return await Promise.race([this.connect(identity), stop]);
    } catch (error) {
      await this.disconnect();
      throw error;
    }
  }

  private async connect(identity: UserIdentityInfo): Promise<Connection> {
    const { mode } = this.config.channel;
    const offered = await this.discover();
    const certificate: Buffer | null = offered.serverCertificate;
    if (mode !== 'None') await this.trust.check(certificate, this.endpoint);
    const client = this.createClient({
      securityMode: MessageSecurityMode[mode],
      securityPolicy: SecurityPolicy[this.config.channel.policy],
      ...(mode === 'None' ? {} : { serverCertificate: certificate }),
    });
    const lost = lossOf(client, this.endpoint);
    await this.reach(client);
    const described = client.findEndpointForSecurity(
      MessageSecurityMode[mode],
      SecurityPolicy[this.config.channel.policy],
    );
    if (identity.type === UserTokenType.UserName) this.checkProtection(described ?? offered);
    let session: ClientSession;
    try {
      session = await client.createSession(identity);
    } catch (error) {
      throw new Fault('opcua-refused', `${this.endpoint}: ${lineOf(error)}.`, { cause: error });
    }
    session.on('session_closed', (status) => lost.tell(`the session was closed (${status.name})`));
    // The library would make a new session without our subscriptions: that is a loss too.
    session.on('session_restored', () => lost.tell('the server forgot the session'));
    let closing: Promise<void> | undefined;
    const farewell = async (): Promise<void> => {
      await within(session.close(true), this.limits.closeMs);
      await this.disconnect();
      await this.trust.close();
    };
    const close = (): Promise<void> => (closing ??= farewell());
    return { endpoint: this.endpoint, session: session as Session, lost: lost.promise, close };
  }

  /** Asks, on an unprotected channel, what the server offers. Nothing of the answer is believed but by the certificate. */
  private async discover(): Promise<EndpointDescription> {
    const { policy, mode } = this.config.channel;
    const client = this.createClient({ securityMode: MessageSecurityMode.None, securityPolicy: SecurityPolicy.None });
    await this.reach(client);
    const offers = await client.getEndpoints({ endpointUrl: this.endpoint });
    await within(client.disconnect(), this.limits.closeMs);
    const wanted = offers.find(
      ({ securityMode, securityPolicyUri }) =>
        securityMode === MessageSecurityMode[mode] && securityPolicyUri === SecurityPolicy[policy],
    );
    if (wanted !== undefined) return wanted;
    const names = new Set(
      offers.map(
        ({ securityMode, securityPolicyUri }) =>
          `${(securityPolicyUri ?? '').replace(/^.*#/, '')} ${MessageSecurityMode[securityMode]}`,
      ),
    );
    throw new Fault(
      'opcua-endpoint-missing',
      `${this.endpoint} offers ${[...names].join(', ') || 'none'}; configured is ${policy} ${mode}.`,
    );
  }

  private createClient(options: OPCUAClientOptions): OPCUAClient {
    const { requestMs, connectMs, messageBytes, lifetimeMs } = this.limits;
    const client = OPCUAClient.create({
      ...options,
      applicationName: APPLICATION,
      clientName: this.config.name,
      clientCertificateManager: this.trust.manager,
      certificateFile: this.trust.ownCertificate,
      // The host alone tries again: one attempt, and nothing is repaired.
      connectionStrategy: { maxRetry: 0 },
      keepSessionAlive: false,
      // The configured address is kept, whatever host name the server calls itself by.
      endpointMustExist: false,
      transportTimeout: connectMs,
      defaultTransactionTimeout: requestMs,
      requestedSessionTimeout: lifetimeMs,
      transportSettings: { maxMessageSize: messageBytes, maxChunkCount: Math.ceil(messageBytes / 8192) },
    });
    this.clients.push(client);
    return client;
  }

  private async reach(client: OPCUAClient): Promise<void> {
    try {
      await client.connect(this.endpoint);
    } catch (error) {
      throw new Fault('opcua-unreachable', `${this.endpoint}: ${lineOf(error)}.`, { cause: error });
    }
  }

  /** In mode Sign everybody can read along: a server that wants the password as it is does not get it. */
  private checkProtection({ userIdentityTokens }: EndpointDescription): void {
    if (this.config.channel.mode !== 'Sign') return;
    const token = userIdentityTokens?.find(({ tokenType }) => tokenType === UserTokenType.UserName);
    if (token?.securityPolicyUri !== SecurityPolicy.None) return;
    throw new Fault('opcua-password-unprotected', `${this.endpoint}: the server takes it in clear text only.`);
  }

  private async disconnect(): Promise<void> {
    for (const client of this.clients.splice(0)) await within(client.disconnect(), this.limits.closeMs);
  }
}

/** Tells once that a connection is lost. */
function lossOf(client: OPCUAClient, endpoint: string): { promise: Promise<Fault>; tell: (why: string) => void } {
  const { promise, resolve } = Promise.withResolvers<Fault>();
  const tell = (why: string): void => resolve(new Fault('opcua-lost', `${endpoint}: ${why}.`));
  client.on('close', (error) => tell(error === undefined || error === null ? 'closed' : lineOf(error)));
  client.on('connection_lost', () => tell('the connection broke'));
  return { promise, tell };
}

/** The farewell of a broken connection never comes, or is an error that says nothing new. */
async function within(farewell: Promise<unknown>, limitMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, limitMs);
  await Promise.race([
    farewell.then(
      () => undefined,
      () => undefined,
    ),
    promise,
  ]);
  clearTimeout(timer);
}

/** A message of the library on one line. */
export function lineOf(error: unknown): string {
  return messageOf(error).replaceAll(/\s+/g, ' ').trim().replace(/\.$/, '');
}
