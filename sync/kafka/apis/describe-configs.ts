import type { Api } from '../protocol/api.ts';
import type { Reader } from '../protocol/reader.ts';

const TOPIC_RESOURCE = 2;

export interface DescribeConfigsRequest {
  topic: string;
  /** Settings to tell; null for all. */
  names: readonly string[] | null;
}

export interface ConfigEntry {
  name: string;
  /** null where it is sensitive. */
  value: string | null;
  /** Kafka's ConfigSource: 1 set on the topic, 2 to 4 on the broker, 5 the default. */
  source: number;
  readOnly: boolean;
  sensitive: boolean;
}

export interface DescribeConfigsResponse {
  errorCode: number;
  errorMessage: string | null;
  topic: string;
  configs: ConfigEntry[];
}

function decodeEntry(reader: Reader, version: number): ConfigEntry {
  const name = reader.string();
  const value = reader.nullableString();
  const readOnly = reader.bool();
  const source = reader.int8();
  const sensitive = reader.bool();
  reader.array(() => {
    reader.string(); // synonyms: name, value, source
    reader.nullableString();
    reader.int8();
    reader.tags();
  });
  if (version >= 3) {
    reader.int8(); // type
    reader.nullableString(); // documentation
  }
  reader.tags();
  return { name, value, source, readOnly, sensitive };
}

/** The settings of a topic as they are in force, with the broker's defaults. */
export const describeConfigs: Api<DescribeConfigsRequest, DescribeConfigsResponse[]> = {
  name: 'DescribeConfigs',
  key: 32,
  min: 1,
  max: 4,
  flexibleFrom: 4,
  encode(writer, request, version) {
    writer.array([request], ({ topic, names }) => {
      writer.int8(TOPIC_RESOURCE);
      writer.string(topic);
      if (names === null) writer.nullArray();
      else writer.array(names, (name) => writer.string(name));
      writer.tags();
    });
    writer.bool(false); // include synonyms
    if (version >= 3) writer.bool(false); // include documentation
    writer.tags();
  },
  decode(reader, version) {
    reader.int32(); // throttle time
    const results = reader.array(() => {
      const errorCode = reader.int16();
      const errorMessage = reader.nullableString();
      reader.int8(); // resource type
      const topic = reader.string();
      const configs = reader.array(() => decodeEntry(reader, version));
      reader.tags();
      return { errorCode, errorMessage, topic, configs };
    });
    reader.tags();
    return results;
  },
};
