BEGIN TRANSACTION;
CREATE TABLE anomaly (
	id VARCHAR(16) NOT NULL, 
	ts VARCHAR(32) NOT NULL, 
	capture TEXT NOT NULL, 
	frame BIGINT NOT NULL, 
	session VARCHAR(16) NOT NULL, 
	protocol TEXT NOT NULL, 
	code TEXT NOT NULL, 
	detail TEXT, 
	run INTEGER NOT NULL, 
	CONSTRAINT pk_anomaly PRIMARY KEY (id)
);
CREATE TABLE audit (
	id INTEGER NOT NULL, 
	made VARCHAR(32) NOT NULL, 
	first_run INTEGER NOT NULL, 
	last_run INTEGER NOT NULL, 
	since VARCHAR(32), 
	until VARCHAR(32), 
	open_run INTEGER, 
	CONSTRAINT pk_audit PRIMARY KEY (id)
);
CREATE TABLE audit_finding (
	audit INTEGER NOT NULL, 
	finding VARCHAR(16) NOT NULL, 
	CONSTRAINT pk_audit_finding PRIMARY KEY (audit, finding)
);
CREATE TABLE contact (
	id VARCHAR(16) NOT NULL, 
	ts VARCHAR(32) NOT NULL, 
	capture TEXT NOT NULL, 
	frame BIGINT NOT NULL, 
	session VARCHAR(16) NOT NULL, 
	protocol TEXT NOT NULL, 
	account TEXT NOT NULL, 
	owner TEXT, 
	"group" TEXT, 
	run INTEGER NOT NULL, 
	CONSTRAINT pk_contact PRIMARY KEY (id)
);
CREATE TABLE exposure (
	id VARCHAR(16) NOT NULL, 
	ts VARCHAR(32) NOT NULL, 
	capture TEXT NOT NULL, 
	frame BIGINT NOT NULL, 
	session VARCHAR(16) NOT NULL, 
	protocol TEXT NOT NULL, 
	ip TEXT NOT NULL, 
	internal BOOLEAN NOT NULL, 
	via TEXT NOT NULL, 
	port BIGINT, 
	account TEXT, 
	"to" TEXT, 
	run INTEGER NOT NULL, 
	CONSTRAINT pk_exposure PRIMARY KEY (id)
);
CREATE TABLE finding (
	id VARCHAR(16) NOT NULL, 
	"key" TEXT NOT NULL, 
	risk TEXT NOT NULL, 
	severity TEXT NOT NULL, 
	rank INTEGER NOT NULL, 
	subject TEXT NOT NULL, 
	host TEXT NOT NULL, 
	service TEXT NOT NULL, 
	title TEXT NOT NULL, 
	remedy TEXT NOT NULL, 
	CONSTRAINT pk_finding PRIMARY KEY (id)
);
INSERT INTO "finding" VALUES('a041e90aa65b146e','cleartext-messages|alice %E2%86%94 bob|10.0.0.21|yahoo','cleartext-messages','medium',2,'alice ↔ bob','10.0.0.21','yahoo','Conversation readable on the wire','Require TLS on the server, refuse clients without it, and move what is confidential to a service that encrypts.');
INSERT INTO "finding" VALUES('b1ca1d5566d3c313','rogue-im|alice|10.0.0.21|yahoo','rogue-im','medium',2,'alice','10.0.0.21','yahoo','Instant messaging in use','Ask the user why. Remove the client or move them to the approved service; if it is approved, allow it in the policy file.');
CREATE TABLE finding_run (
	finding VARCHAR(16) NOT NULL, 
	run INTEGER NOT NULL, 
	CONSTRAINT pk_finding_run PRIMARY KEY (finding, run)
);
INSERT INTO "finding_run" VALUES('a041e90aa65b146e',1);
INSERT INTO "finding_run" VALUES('b1ca1d5566d3c313',1);
CREATE TABLE login (
	id VARCHAR(16) NOT NULL, 
	ts VARCHAR(32) NOT NULL, 
	capture TEXT NOT NULL, 
	frame BIGINT NOT NULL, 
	session VARCHAR(16) NOT NULL, 
	protocol TEXT NOT NULL, 
	scheme TEXT NOT NULL, 
	grade TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	account TEXT, 
	secret_fingerprint TEXT, 
	secret TEXT, 
	run INTEGER NOT NULL, 
	CONSTRAINT pk_login PRIMARY KEY (id)
);
CREATE TABLE message (
	id VARCHAR(16) NOT NULL, 
	ts VARCHAR(32) NOT NULL, 
	capture TEXT NOT NULL, 
	frame BIGINT NOT NULL, 
	session VARCHAR(16) NOT NULL, 
	protocol TEXT NOT NULL, 
	length BIGINT NOT NULL, 
	direction TEXT NOT NULL, 
	sender TEXT, 
	recipient TEXT, 
	room TEXT, 
	text TEXT, 
	offline BOOLEAN NOT NULL, 
	run INTEGER NOT NULL, 
	CONSTRAINT pk_message PRIMARY KEY (id)
);
INSERT INTO "message" VALUES('a0643d741e16c629','2026-09-21T14:13:23.000000Z','lab.pcap',4,'ca869778de2b3ca5','ymsg',5,'sent','alice','bob',NULL,NULL,0,1);
INSERT INTO "message" VALUES('d1c059d8ada18147','2026-09-21T14:13:24.000000Z','lab.pcap',5,'ca869778de2b3ca5','ymsg',6,'sent','alice','bob',NULL,NULL,0,1);
CREATE TABLE meta (
	"key" VARCHAR(32) NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_meta PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('schema_version','1');
CREATE TABLE presence (
	id VARCHAR(16) NOT NULL, 
	ts VARCHAR(32) NOT NULL, 
	capture TEXT NOT NULL, 
	frame BIGINT NOT NULL, 
	session VARCHAR(16) NOT NULL, 
	protocol TEXT NOT NULL, 
	account TEXT NOT NULL, 
	status TEXT NOT NULL, 
	note TEXT, 
	run INTEGER NOT NULL, 
	CONSTRAINT pk_presence PRIMARY KEY (id)
);
CREATE TABLE run (
	id INTEGER NOT NULL, 
	started VARCHAR(32) NOT NULL, 
	ended VARCHAR(32), 
	alive VARCHAR(32) NOT NULL, 
	program TEXT NOT NULL, 
	signatures VARCHAR(64), 
	options JSON NOT NULL, 
	counters JSON NOT NULL, 
	read BOOLEAN NOT NULL, 
	CONSTRAINT pk_run PRIMARY KEY (id)
);
INSERT INTO "run" VALUES(1,'2026-11-24T22:33:53.530229Z','2026-11-24T22:33:53.664891Z','2026-11-24T22:33:53.664765Z','imsniff 0.1.0','5e74c4fcbf7c3c70c9cb7016fa9d1a3524f222afaaef1c6bc7c51594e54d1a13','{"content": "matched", "keep_secrets": false, "filter": null, "policy": ""}','{"sessions": 1, "messages": 2, "sightings": 3, "packets": 7, "errors": 0}',1);
CREATE TABLE run_input (
	run INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	path TEXT, 
	size BIGINT, 
	sha256 VARCHAR(64), 
	error TEXT, 
	CONSTRAINT pk_run_input PRIMARY KEY (run, position)
);
INSERT INTO "run_input" VALUES(1,1,'lab.pcap','/captures/lab.pcap',627,'5e9df61e46b31e98bfde1b2e4f66f92bd7f2ff3645d9fe078f50e236cc325f07',NULL);
CREATE TABLE session (
	id VARCHAR(16) NOT NULL, 
	ts VARCHAR(32) NOT NULL, 
	capture TEXT NOT NULL, 
	frame BIGINT NOT NULL, 
	protocol TEXT NOT NULL, 
	transport TEXT NOT NULL, 
	client_ip TEXT NOT NULL, 
	client_port BIGINT NOT NULL, 
	server_ip TEXT NOT NULL, 
	server_port BIGINT NOT NULL, 
	first_seen VARCHAR(32) NOT NULL, 
	last_seen VARCHAR(32) NOT NULL, 
	packets BIGINT NOT NULL, 
	bytes BIGINT NOT NULL, 
	confidence TEXT NOT NULL, 
	encryption TEXT NOT NULL, 
	odd_port BOOLEAN NOT NULL, 
	first_frame BIGINT NOT NULL, 
	last_frame BIGINT NOT NULL, 
	community_id TEXT NOT NULL, 
	service TEXT, 
	signature TEXT, 
	carriers JSON NOT NULL, 
	software JSON NOT NULL, 
	account TEXT, 
	run INTEGER NOT NULL, 
	last_run INTEGER NOT NULL, 
	CONSTRAINT pk_session PRIMARY KEY (id)
);
INSERT INTO "session" VALUES('ca869778de2b3ca5','2026-09-21T14:13:20.000000Z','lab.pcap',1,'ymsg','tcp','10.0.0.21',40000,'198.51.100.9',5050,'2026-09-21T14:13:20.000000Z','2026-09-21T14:13:26.000000Z',7,113,'dissected','none',0,1,7,'1:VMlMAxkSsL3yWRdu21wt5pHpVn8=','yahoo','ymsg.packet','[]','[]','alice',1,1);
CREATE TABLE sighting (
	finding VARCHAR(16) NOT NULL, 
	record VARCHAR(16) NOT NULL, 
	run INTEGER NOT NULL, 
	ts VARCHAR(32) NOT NULL, 
	last_seen VARCHAR(32) NOT NULL, 
	capture TEXT NOT NULL, 
	frame BIGINT NOT NULL, 
	rule TEXT NOT NULL, 
	excerpt TEXT NOT NULL, 
	CONSTRAINT pk_sighting PRIMARY KEY (finding, record)
);
INSERT INTO "sighting" VALUES('a041e90aa65b146e','a0643d741e16c629',1,'2026-09-21T14:13:23.000000Z','2026-09-21T14:13:23.000000Z','lab.pcap',4,'ymsg.message','message of 5 characters, sent by 10.0.0.21');
INSERT INTO "sighting" VALUES('a041e90aa65b146e','d1c059d8ada18147',1,'2026-09-21T14:13:24.000000Z','2026-09-21T14:13:24.000000Z','lab.pcap',5,'ymsg.message','message of 6 characters, sent by 10.0.0.21');
INSERT INTO "sighting" VALUES('b1ca1d5566d3c313','ca869778de2b3ca5',1,'2026-09-21T14:13:20.000000Z','2026-09-21T14:13:26.000000Z','lab.pcap',1,'ymsg.packet','yahoo over tcp, 10.0.0.21:40000 to 198.51.100.9:5050');
CREATE TABLE transfer (
	id VARCHAR(16) NOT NULL, 
	ts VARCHAR(32) NOT NULL, 
	capture TEXT NOT NULL, 
	frame BIGINT NOT NULL, 
	session VARCHAR(16) NOT NULL, 
	protocol TEXT NOT NULL, 
	name TEXT NOT NULL, 
	state TEXT NOT NULL, 
	size BIGINT, 
	sender TEXT, 
	recipient TEXT, 
	sha256 TEXT, 
	media TEXT, 
	run INTEGER NOT NULL, 
	CONSTRAINT pk_transfer PRIMARY KEY (id)
);
CREATE INDEX ix_session_ts ON session (ts);
CREATE INDEX ix_login_session ON login (session);
CREATE INDEX ix_login_ts ON login (ts);
CREATE INDEX ix_message_session ON message (session);
CREATE INDEX ix_message_ts ON message (ts);
CREATE INDEX ix_presence_session ON presence (session);
CREATE INDEX ix_presence_ts ON presence (ts);
CREATE INDEX ix_contact_session ON contact (session);
CREATE INDEX ix_contact_ts ON contact (ts);
CREATE INDEX ix_transfer_ts ON transfer (ts);
CREATE INDEX ix_transfer_session ON transfer (session);
CREATE INDEX ix_exposure_ts ON exposure (ts);
CREATE INDEX ix_exposure_session ON exposure (session);
CREATE INDEX ix_anomaly_ts ON anomaly (ts);
CREATE INDEX ix_anomaly_session ON anomaly (session);
CREATE INDEX ix_sighting_ts ON sighting (ts);
CREATE INDEX ix_finding_run_run ON finding_run (run);
COMMIT;
