PRAGMA application_id = 1398361671;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE calls (
    key TEXT PRIMARY KEY,
    status TEXT NOT NULL CHECK (status IN ('ok', 'failed')),
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    text TEXT NOT NULL,
    finish_reason TEXT NOT NULL,
    refusal TEXT,
    model TEXT NOT NULL,
    prompt INTEGER NOT NULL,
    cached INTEGER NOT NULL,
    written INTEGER NOT NULL,
    output INTEGER NOT NULL,
    estimated INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    duration_s REAL NOT NULL,
    created TEXT NOT NULL
);
INSERT INTO "calls" VALUES('answered','ok','','','Bilbo 😀','stop',NULL,'m-1',10,4,2,3,1,2,1.5,'2026-03-01T10:00:00+00:00');
INSERT INTO "calls" VALUES('refused','failed','refusal','the model refused','','stop','I will not.','m-1',7,0,0,1,0,1,0.0,'2026-03-01T10:00:01+00:00');
INSERT INTO "calls" VALUES('mended','failed','malformed','no JSON','I am sorry, Frodo.','',NULL,'m-1',5,0,0,1,0,1,0.0,'2026-03-01T10:00:02+00:00');
COMMIT;
