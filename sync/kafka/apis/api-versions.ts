import { ErrorCode } from '../errors.ts';
import type { Api } from '../protocol/api.ts';

export interface VersionRange {
  key: number;
  min: number;
  max: number;
}

export interface ApiVersionsResponse {
  errorCode: number;
  ranges: VersionRange[];
}

/**
 * What the broker speaks; the first request of every connection. A broker that does not know version 3 answers error 35 in the form of
 * version 0 (KIP-511), and is then asked in version 0.
 */
export const apiVersions: Api<{ softwareVersion: string }, ApiVersionsResponse> = {
  name: 'ApiVersions',
  key: 18,
  min: 0,
  max: 3,
  flexibleFrom: 3,
  responseHeaderTags: false,
  encode(writer, request, version) {
    if (version < 3) return;
    writer.string('millrace');
    writer.string(request.softwareVersion);
    writer.tags();
  },
  decode(reader, version) {
    const errorCode = reader.int16();
    const form = errorCode === ErrorCode.UNSUPPORTED_VERSION ? 0 : version;
    reader.flexible = form >= 3;
    const ranges = reader.array(() => {
      const range = { key: reader.int16(), min: reader.int16(), max: reader.int16() };
      reader.tags();
      return range;
    });
    if (form >= 1) reader.int32(); // throttle time
    reader.tags();
    return { errorCode, ranges };
  },
};
