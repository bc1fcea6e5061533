PRAGMA application_id = 1398361671;
PRAGMA user_version = 2;
BEGIN TRANSACTION;
CREATE TABLE batched (key TEXT PRIMARY KEY, batch TEXT NOT NULL, step TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "batched" VALUES('waiting','344af619b157b89da4dc2f5a4ef04281','generate');
CREATE TABLE batches (
        id TEXT PRIMARY KEY,
        run TEXT NOT NULL,
        endpoint TEXT NOT NULL,
        requests INTEGER NOT NULL,
        created TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('submitting', 'open', 'closed')),
        file_id TEXT NOT NULL,
        batch_id TEXT NOT NULL,
        ended TEXT NOT NULL
    );
INSERT INTO "batches" VALUES('344af619b157b89da4dc2f5a4ef04281','.','http://fake',1,'2026-11-30T14:03:12.167909+00:00','open','','batch_1','');
CREATE TABLE calls (key TEXT, status TEXT NOT NULL CHECK (status IN ('ok', 'failed')), reason TEXT NOT NULL, detail TEXT NOT NULL, text TEXT NOT NULL, finish_reason TEXT NOT NULL, refusal TEXT, model TEXT NOT NULL, prompt INTEGER NOT NULL, cached INTEGER NOT NULL, written INTEGER NOT NULL, output INTEGER NOT NULL, estimated INTEGER NOT NULL, attempts INTEGER NOT NULL, duration_s REAL NOT NULL, created TEXT NOT NULL, rate_limited INTEGER NOT NULL DEFAULT 0, uncounted INTEGER NOT NULL DEFAULT 0, batch INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (key));
INSERT INTO "calls" VALUES('answered','ok','','','Bilbo 😀','stop',NULL,'m-1',10,4,2,3,1,2,1.5,'2026-03-01T10:00:00+00:00',3,1,0);
INSERT INTO "calls" VALUES('refused','failed','refusal','the model refused','','stop','I will not.','m-1',7,0,0,1,0,1,0.0,'2026-03-01T10:00:01+00:00',0,0,0);
INSERT INTO "calls" VALUES('mended','ok','','','Sam','stop',NULL,'m-1',5,0,0,2,0,1,0.0,'2026-03-02T10:00:00+00:00',0,0,0);
INSERT INTO "calls" VALUES('batched','ok','','','Pippin','stop',NULL,'m-1',100,0,0,50,0,1,0.0,'2026-03-02T10:00:01+00:00',0,0,1);
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO "facts" VALUES('form','{"limit": "max_tokens", "dropped": ["seed"]}');
CREATE TABLE replaced (key TEXT, status TEXT NOT NULL CHECK (status IN ('ok', 'failed')), reason TEXT NOT NULL, detail TEXT NOT NULL, text TEXT NOT NULL, finish_reason TEXT NOT NULL, refusal TEXT, model TEXT NOT NULL, prompt INTEGER NOT NULL, cached INTEGER NOT NULL, written INTEGER NOT NULL, output INTEGER NOT NULL, estimated INTEGER NOT NULL, attempts INTEGER NOT NULL, duration_s REAL NOT NULL, created TEXT NOT NULL, rate_limited INTEGER NOT NULL DEFAULT 0, uncounted INTEGER NOT NULL DEFAULT 0, batch INTEGER NOT NULL DEFAULT 0);
INSERT INTO "replaced" VALUES('mended','failed','malformed','no JSON','I am sorry, Frodo.','',NULL,'m-1',5,0,0,1,0,1,0.0,'2026-03-01T10:00:02+00:00',0,0,0);
CREATE TRIGGER keep_replaced BEFORE UPDATE ON calls BEGIN
        INSERT INTO replaced (key, status, reason, detail, text, finish_reason, refusal, model, prompt, cached, written, output, estimated, attempts, duration_s, created, rate_limited, uncounted, batch) VALUES (OLD.key, OLD.status, OLD.reason, OLD.detail, OLD.text, OLD.finish_reason, OLD.refusal, OLD.model, OLD.prompt, OLD.cached, OLD.written, OLD.output, OLD.estimated, OLD.attempts, OLD.duration_s, OLD.created, OLD.rate_limited, OLD.uncounted, OLD.batch);
    END;
CREATE INDEX batched_by_batch ON batched (batch);
COMMIT;
