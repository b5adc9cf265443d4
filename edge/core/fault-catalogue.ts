/**
 * Every error that a user can meet: code, what happened, what to do. `docs/errors.md` says the same for readers and a test compares the two.
 * Codes are stable: they appear in HTTP problem documents, logs and exit messages.
 */
export const catalogue = {
  'config-invalid': {
    what: 'The configuration has errors.',
    todo: 'Correct the lines that are named; `millrace check` shows all of them at once.',
  },
  'config-missing': {
    what: 'The configuration file cannot be read.',
    todo: 'Give its path with -c, write one with `millrace init`, or start the demo with `npm start`.',
  },
  usage: {
    what: 'The command was called with wrong arguments.',
    todo: 'See `millrace <command> --help`.',
  },
  'gateway-running': {
    what: 'Another gateway already runs on this data folder.',
    todo: 'Stop the process that is named, or give this one another data folder.',
  },
  'gateway-not-running': {
    what: 'No gateway runs on this data folder.',
    todo: 'Start it with `millrace start`, the demo with `npm start`.',
  },
  'gateway-failed': {
    what: 'The running gateway answered with an error.',
    todo: 'See its message and its log.',
  },
  'listen-failed': {
    what: 'An address cannot be listened on.',
    todo: 'Stop the program that uses the port, or configure another address.',
  },
  'listen-not-loopback': {
    what: 'This version listens on loopback addresses only.',
    todo: 'Use 127.0.0.1 or [::1].',
  },
  'site-differs': {
    what: 'The data folder belongs to another site.',
    todo: 'Give each site its own data folder; the site name is fixed after the first start.',
  },
  'data-unreadable': {
    what: 'A file under the data folder cannot be read.',
    todo: 'Check its owner and permissions, and the disk.',
  },
  'state-damaged': {
    what: 'A file with the state of a part is damaged.',
    todo: 'Put it back from a backup, or do what the message says; look at the disk.',
  },
  'log-write-failed': {
    what: 'Writing or syncing the log failed; this process writes no more.',
    todo: 'Check the disk (space, cable, dmesg), then start the gateway again: the log is checked at start.',
  },
  'disk-read-only': {
    what: 'The disk of the log takes no more writes: its file system is read-only. This process writes no more.',
    todo: 'A system does that when a disk fails: see dmesg, check the file system, mount it for writing, then start the gateway again. What was acknowledged is there.',
  },
  'log-segment-missing': {
    what: 'Files of the log were deleted or moved while it was being written; this process writes no more.',
    todo: 'Put them back if you can, then start the gateway again: it reports what is missing. Nothing but the gateway may delete in its data folder; `log.budget` bounds the log.',
  },
  'log-damaged': {
    what: 'Bytes of the log are damaged.',
    todo: 'The records that are named cannot be read; `millrace log verify` lists all of them. Look at the disk.',
  },
  'log-position-ahead': {
    what: 'A consumer of the log is to go on behind the end of the log.',
    todo: 'The log has lost its end, or is another one: topic `events` says what was cut off. Put back `log/` and the rest of the data folder from the same backup.',
  },
  'log-topic-unknown': {
    what: 'The log has no such topic.',
    todo: '`millrace log topics` lists them.',
  },
  'log-offset-unknown': {
    what: 'The log has no such records.',
    todo: '`millrace log topics` prints where each topic starts and ends; `millrace log tail` waits for what comes.',
  },
  'log-closed': {
    what: 'The log is closed.',
    todo: 'The gateway is stopping; send again when it is back.',
  },
  'batch-too-large': {
    what: 'A record batch is larger than 900,000 bytes.',
    todo: 'Split it; this is an error in the program.',
  },
  'batch-malformed': {
    what: 'Bytes are not a valid record batch.',
    todo: '`millrace log verify` names the place.',
  },
  'sample-malformed': {
    what: 'Bytes are not a valid sample v1.',
    todo: 'The record was written by another program, or is damaged; see `millrace log dump`.',
  },
  'tag-dictionary-damaged': {
    what: 'The tag dictionary is damaged.',
    todo: 'Restore `tags/dictionary` from a backup: ids must not be guessed.',
  },
  'alarm-unknown': {
    what: 'There is no such alarm.',
    todo: 'Alarms that stand are at GET /api/v1/alarms.',
  },
  'alarm-state': {
    what: 'The alarm is in a state in which this cannot be done.',
    todo: 'Look at its state again: somebody else may have been quicker.',
  },
  'tag-unknown': {
    what: 'There is no such tag.',
    todo: 'The tag list is at GET /api/v1/tags; `millrace sql "FROM tags"` prints it.',
  },
  'time-invalid': {
    what: 'A time cannot be read.',
    todo: 'Use ISO 8601 with a zone, for example 2026-03-01T12:00:00Z.',
  },
  'request-invalid': {
    what: 'The request is not valid.',
    todo: 'See the detail; the API is described at /openapi.json.',
  },
  'not-found': {
    what: 'There is nothing at this address.',
    todo: 'The API is described at /openapi.json.',
  },
  'method-not-allowed': {
    what: 'There is something at this address, but not with this method.',
    todo: 'Use a method that the detail names (they are in `Allow` too); the API is described at /openapi.json.',
  },
  'host-refused': {
    what: 'The Host or Origin of the request is not this gateway.',
    todo: 'Call it by its own address; browsers may not call it from other pages.',
  },
  'not-ready': {
    what: 'The part that answers this is not ready.',
    todo: 'Try again; GET /readyz says what is missing.',
  },
  internal: {
    what: 'The gateway made an error of its own.',
    todo: 'Report it with the log lines of that time.',
  },
  'worker-failed': {
    what: 'A part of the gateway ended unexpectedly.',
    todo: 'It is started again by itself; if that goes on, report it with the log.',
  },
  'historian-damaged': {
    what: 'A file of the historian is damaged.',
    todo: 'Its span is shown as a gap; `millrace historian verify` names the file and the samples.',
  },
  'historian-expired': {
    what: 'These samples are kept no longer; a summary of them is.',
    todo: 'Ask for aggregates of intervals that are longer than what was summed up: an hour, a day.',
  },
  'tier-unreachable': {
    what: 'The place of the cold tier does not answer.',
    todo: 'Check the address, the keys and the network, or the mount; questions about later times are answered all the same, and so are aggregates of whole minutes, hours and days that have roll-ups.',
  },
  'tier-unreadable': {
    what: 'A file of the cold tier is there and cannot be read.',
    todo: 'Check its permissions and the disk, or put it back from a copy. Nothing writes over it: late samples of its day wait in the gateway, and an erasure stays open. If it is lost, remove it: then its day is written again with what the gateway has, and the rest is a gap.',
  },
  'tier-leftovers': {
    what: 'Files that the cold tier does not need any more cannot be removed.',
    todo: 'Let the gateway do that: see the detail. Days are put away all the same; what stays takes space, and is tried again.',
  },
  'tier-versions-kept': {
    what: 'The bucket of the cold tier keeps old versions of its files, and with them what was erased.',
    todo: 'Let its key do s3:GetBucketVersioning, s3:ListBucketVersions and s3:DeleteObjectVersion, or delete these versions yourself and end a lock on them; the erasure stays open and is tried again.',
  },
  'kafka-unreachable': {
    what: 'No broker can be reached.',
    todo: 'Check the address and the network; it is tried again by itself.',
  },
  'kafka-refused': {
    what: 'The Kafka broker refused a request.',
    todo: 'See the error that is named; rights and topic settings are the usual causes.',
  },
  'kafka-protocol': {
    what: 'The Kafka broker sent an answer that cannot be read.',
    todo: 'Check that the address is a Kafka broker of version 2.1 or newer.',
  },
  'link-diverged': {
    what: 'The destination topic holds records that this gateway did not write.',
    todo: 'Nobody else may write to a mirror topic. Mirror to a new topic (another prefix), or delete the topic and let the link fill it again.',
  },
  'link-behind-log': {
    what: 'The destination lacks records that the log no longer holds.',
    todo: 'Mirror to a new topic (another prefix).',
  },
  'link-topic-unfit': {
    what: 'The settings of the destination topic would break the mirror.',
    todo: 'Change the settings that are named, then resume the link.',
  },
  'kafka-timeout': {
    what: 'A Kafka broker did not answer in time.',
    todo: 'Check the network and the load of the broker; the link tries again by itself.',
  },
  'kafka-disconnected': {
    what: 'The connection to a Kafka broker ended.',
    todo: 'Check the network and the broker; the link tries again by itself.',
  },
  'link-unknown': {
    what: 'There is no such link.',
    todo: 'The links are at GET /api/v1/links; `millrace link list` shows them.',
  },
  'too-many-requests': {
    what: 'Too many requests of this kind are under way.',
    todo: 'Try again when one of them has ended.',
  },
  'not-acceptable': {
    what: 'The answer does not exist in the format that was asked for.',
    todo: 'Give a media type in Accept that the detail names.',
  },
  'file-exists': {
    what: 'The file exists already.',
    todo: 'Give another name, or remove it first.',
  },
  'file-unwritable': {
    what: 'A file cannot be written.',
    todo: 'Check its folder, its permissions and the space on the disk.',
  },
  'historian-write-failed': {
    what: 'Writing to the historian failed.',
    todo: 'Check the disk (space, permissions, dmesg). Nothing is lost: the historian goes on from the log when it is started again.',
  },
  'erase-refused': {
    what: 'The erasure was not begun.',
    todo: 'Give a span that is not empty; where too many erasures are on record, wait until the retention of the log has let go of what they erase.',
  },
  'erase-failed': {
    what: 'Segments of the log could not be written anew without what is to be erased.',
    todo: 'It is tried again by itself, also after a restart. Check the space on the disk, and dmesg for the files that are named.',
  },
  'historian-log-differs': {
    what: 'The historian was filled from another log.',
    todo: 'Put back the log that belongs to it, or move the historian folder away: it is filled again from the log, as far back as that goes.',
  },
  'kafka-busy': {
    what: 'The Kafka broker cannot serve a request just now.',
    todo: 'The link tries again by itself; if it goes on, look at the health of the Kafka cluster.',
  },
  'link-unsettled': {
    what: 'The end of the destination topic is not where the link left it.',
    todo: 'The link compares both ends and goes on by itself; if it stays, another program writes to the topic.',
  },
  'link-fenced': {
    what: 'Another gateway owns this link.',
    todo: 'Two gateways run with copies of one log: stop one of them, then resume the link of the other.',
  },
  'link-without-destination': {
    what: 'The link has no destination.',
    todo: 'Give it brokers: `to` of the link in the configuration, or `millrace demo --kafka HOST:PORT`.',
  },
  'demo-plant-failed': {
    what: 'The simulated plant of the demo does not run.',
    todo: 'See the reason; start the demo again.',
  },
  'link-topic-recreated': {
    what: 'The destination topic was deleted or created anew while the link was running.',
    todo: 'If that was meant, resume the link: it fills the new topic with what the log still holds. If it then says link-diverged, delete the topic once more and resume.',
  },
  'opcua-unreachable': {
    what: 'No endpoint of the OPC UA server can be reached.',
    todo: 'Check the address, the server and the network; the connector tries again by itself.',
  },
  'opcua-endpoint-missing': {
    what: 'The OPC UA server does not offer the configured security policy and mode.',
    todo: 'Configure one of those that the detail names under `channel`, or enable it at the server.',
  },
  'opcua-certificate-untrusted': {
    what: 'The certificate of the OPC UA server is not trusted.',
    todo: 'Compare its fingerprint with the one that the server itself shows; if they are the same, move the file as the detail says.',
  },
  'opcua-certificate-invalid': {
    what: 'The certificate of the OPC UA server is not valid.',
    todo: 'See the status that is named (expired, revoked, wrong use); the server needs another certificate.',
  },
  'opcua-refused': {
    what: 'The OPC UA server refused the session.',
    todo: 'See the status that is named; user name, password and the list of clients that the server trusts are the usual causes.',
  },
  'opcua-password-unprotected': {
    what: 'The password would cross the network unprotected.',
    todo: 'Configure a security policy and the mode Sign or SignAndEncrypt under `channel`.',
  },
  'opcua-lost': {
    what: 'The connection to the OPC UA server ended.',
    todo: 'Check the server and the network; the connector tries again by itself.',
  },
  'secret-missing': {
    what: 'A secret that the configuration names cannot be read.',
    todo: 'Set the environment variable, or check the file and its permissions.',
  },
  'modbus-unreachable': {
    what: 'The Modbus address cannot be reached.',
    todo: 'Check the address, the device or gateway and the network; the connector tries again by itself.',
  },
  'modbus-lost': {
    what: 'The Modbus connection ended.',
    todo: 'Check the device or gateway and the network, and how many connections it allows; the connector tries again by itself.',
  },
  'modbus-adrift': {
    what: 'What comes over the Modbus connection cannot be read any more.',
    todo: 'Check `framing` (tcp or rtu) and that nobody else asks on the same line; the connector connects anew by itself.',
  },
  'bench-failed': {
    what: 'A system that is measured has failed, or answers something else than what it was given.',
    todo: 'See its own log, and start it as docs/performance.md says; leave its option out to measure without it.',
  },
  'aggregate-type': {
    what: 'Aggregates and charts are of numbers and booleans only, but for those that count samples and times.',
    todo: 'Ask for the samples of the tag (without `interval`, `aggregate` and `points`), or for aggregates such as Count and PercentGood.',
  },
  'sql-invalid': {
    what: 'The SQL statement is not valid.',
    todo: 'See the detail; the tables are `samples`, `tags` and `events` (`DESCRIBE samples`), the language is that of DuckDB.',
  },
  'sql-refused': {
    what: 'The SQL statement does something else than to ask.',
    todo: 'Send one SELECT statement over `samples`, `tags` and `events`. There are no files, no settings and no extensions.',
  },
  'sql-limit': {
    what: 'The SQL statement needs more time, memory or rows than it is given.',
    todo: 'Ask for less: name the tags and the span of time (`WHERE tag = … AND time >= …`), aggregate, or add a LIMIT.',
  },
  'model-history-short': {
    what: 'There is too little history to train the model.',
    todo: 'Wait until all its signals have been there long enough, or take out the signal that is named.',
  },
  'model-training-failed': {
    what: 'Training the model did not succeed.',
    todo: 'Look at the history of its signals for wild values, then train again over a quiet range.',
  },
  'model-backend-failed': {
    what: 'TensorFlow cannot be started.',
    todo: 'See the cause that is named; install the gateway again if a file is missing. Everything but the models goes on.',
  },
  'model-missing': {
    what: 'There is no such version of the model.',
    todo: 'See `data/models/` for the versions that are there, or train the model again.',
  },
  'model-damaged': {
    what: 'The files of a model are damaged.',
    todo: 'Roll back to another version, restore the folder from a backup, or train the model again.',
  },
  'import-unreadable': {
    what: 'A file to be imported cannot be read.',
    todo: 'Correct the file, or say in the map (`--map`) how it is to be read; `--dry-run` shows what would come.',
  },
  'questdb-unreachable': {
    what: 'QuestDB cannot be reached.',
    todo: 'Check the address, the server and the network; it is tried again by itself, and the log, for a hub Kafka, keeps what QuestDB lacks.',
  },
  'questdb-unauthorized': {
    what: 'QuestDB does not let Millrace in.',
    todo: 'Check the user names in `questdb.http` and `questdb.pg` and the password: `http.user` and `pg.user` in the server.conf of QuestDB. The password is read again at each attempt.',
  },
  'questdb-refused': {
    what: 'QuestDB refused a request.',
    todo: 'See the reason that is named: a full disk, rights and a changed table are the usual ones. It is tried again by itself.',
  },
  'questdb-table-unfit': {
    what: 'A table in QuestDB is not of the form that Millrace makes.',
    todo: 'Rename it (RENAME TABLE … TO …) and the table is made anew and filled from the log, or configure another name.',
  },
  'questdb-suspended': {
    what: 'QuestDB has suspended a table: it accepts rows and shows none of them.',
    todo: 'Remove the cause that is named, then run the statement at its end; never with FROM TXN, which drops rows. Nothing is sent until then.',
  },
  'questdb-rows-lost': {
    what: 'QuestDB does not have rows that it has acknowledged.',
    todo: 'They are sent again by itself, as far back as the log goes.',
  },
  'questdb-row-refused': {
    what: 'QuestDB cannot take a sample.',
    todo: 'It stays in the log and in the historian of the gateway. See the reason that is named.',
  },
  'questdb-unsynced': {
    what: 'QuestDB does not sync its files: a power cut could take what it has acknowledged.',
    todo: 'Set `cairo.commit.mode=sync` in its server.conf. Until then the last minute is sent again after each interruption.',
  },
  'hub-topics-missing': {
    what: 'Kafka has no topic with samples of a site, or does not show it to the hub.',
    todo: 'Check the prefix of the site here and in the link of its gateway, the topics of that link, and whether the hub may describe and read them. They are looked for again each minute.',
  },
  'hub-table-replaced': {
    what: 'The table is not the one that the hub has filled before, or an older state of it: rows that it had are missing.',
    todo: 'What was committed in Kafka is not sent again by itself. To fill it as far back as Kafka goes, stop all hubs, run `kafka-consumer-groups.sh --bootstrap-server … --group … --reset-offsets --to-earliest --all-topics --execute` and start them: no row is there twice.',
  },
  'hub-erasure-refused': {
    what: 'An erasure that a site has sent to the hub is not carried out.',
    todo: 'See the reason that is named. If the gateway of the site was told to erase this, order it once more there; if not, somebody else may write to its topics: check their ACLs.',
  },
} as const satisfies Record<string, { what: string; todo: string }>;
