import { createHash, X509Certificate } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { OPCUACertificateManager } from 'node-opcua-certificate-manager';
import { StatusCodes } from 'node-opcua-client';
import { Fault } from '../../edge/core/fault.ts';

/** Where the own certificate lies, which servers are to trust, below the folder `pki`. */
const OWN_CERTIFICATE = path.join('own', 'certs', 'client_certificate.pem');

/**
 * The own certificate and the trust list in a folder, in the layout of OPC UA: `own/`, `trusted/certs`, `trusted/crl`, `issuers/certs`, `issuers/crl`, `rejected/`. Read
 * anew at each `open`, so what an operator moved counts at the next attempt.
 */
export class Trust {
  readonly manager: OPCUACertificateManager;
  private readonly folder: string;

  private constructor(folder: string, manager: OPCUACertificateManager) {
    this.folder = folder;
    this.manager = manager;
  }

  /** Makes the folder, and on the first time the own key. */
  static async open(folder: string): Promise<Trust> {
    const absolute = path.resolve(folder);
    try {
      await mkdir(absolute, { recursive: true, mode: 0o700 });
      const manager = new OPCUACertificateManager({
        rootFolder: absolute,
        automaticallyAcceptUnknownCertificate: false,
        disableFileWatchers: true,
      });
      await manager.initialize();
      return new Trust(absolute, manager);
    } catch (error) {
      throw new Fault('file-unwritable', `${absolute} (certificates of OPC UA).`, { cause: error });
    }
  }

  /**
   * Throws `opcua-certificate-untrusted` if the certificate is not in the trust list, nor issued by an authority that is: it then lies in `rejected/`. Throws
   * `opcua-certificate-invalid` for everything else that is wrong with it (expired, revoked …).
   */
  async check(certificate: Uint8Array | null, endpoint: string): Promise<void> {
    if (certificate === null || certificate.length === 0) {
      throw new Fault('opcua-certificate-invalid', `${endpoint}: the server shows none.`);
    }
    const status = await this.manager.checkCertificate(Buffer.from(certificate));
    if (status.equals(StatusCodes.Good)) return;
    const fingerprint = fingerprintOf(certificate);
    if (
      !status.equals(StatusCodes.BadCertificateUntrusted) &&
      !status.equals(StatusCodes.BadCertificateChainIncomplete)
    ) {
      throw new Fault('opcua-certificate-invalid', `${endpoint}: ${status.name}, SHA-1 ${fingerprint}.`);
    }
    const rejected = path.join(this.folder, 'rejected');
    const trusted = path.join(this.folder, 'trusted', 'certs');
    throw new Fault(
      'opcua-certificate-untrusted',
      `${endpoint}: SHA-1 ${fingerprint}; the certificate lies in ${rejected}, to trust it move it to ${trusted}.`,
    );
  }

  /** Where the own certificate lies. */
  get ownCertificate(): string {
    return path.join(this.folder, OWN_CERTIFICATE);
  }

  /** Gives back what the library holds for it: each client that used it counts. */
  async close(): Promise<void> {
    while (this.manager.referenceCounter > 0) await this.manager.dispose();
    await this.manager.dispose();
  }
}

/** Of the first certificate of a chain; of all bytes where that cannot be read. */
function fingerprintOf(chain: Uint8Array): string {
  let first = chain;
  try {
    first = new X509Certificate(chain).raw;
  } catch {
    // What it is then is said by the status beside it.
  }
  return createHash('sha1').update(first).digest('hex');
}
