/** Versions of every peer that tests start: the one place where they are pinned. `compose.yaml` names the same, and a test compares the two. */

/** Kafka's broker, its tools and MirrorMaker; they must be of one version. */
export const kafkaVersion = '4.3.1';

/** QuestDB, for now only in `compose.yaml`. */
export const questdbVersion = '9.3.4';

/** What Maven resolves into one folder of jars: `group:artifact:version`. Without the last one Kafka logs nothing. */
export const kafkaArtifacts = [
  `org.apache.kafka:kafka_2.13:${kafkaVersion}`,
  `org.apache.kafka:kafka-tools:${kafkaVersion}`,
  `org.apache.kafka:connect-mirror:${kafkaVersion}`,
  'org.apache.logging.log4j:log4j-slf4j-impl:2.25.4',
];

/** The Maven plugin that copies them. */
export const mavenCopyPlugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1';

/** What pip puts into the virtual environment. */
export const pythonPackages = ['fastavro==1.13.1', 'paho-mqtt==2.1.0', 'asyncua==2.1.0', 'pymodbus==3.16.1'];

/** The distribution brings its own builds of these programs: the least version that will do. */
export const leastVersions = { chromium: 130, java: 17, mosquitto: 2, kcat: 1 };
