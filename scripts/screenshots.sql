-- A farm that has a bit of everything: what the pictures of the desk show.
INSERT INTO motorpool.kinds (kind, queue, priority, unique_policy, cooldown_seconds, cooldown_failed_seconds, keep, limited, limit_key)
VALUES ('download_mod', 'steam', 1, 'join', 0, 0, true, true, 2), ('parse_page', 'steam', 2, 'join', 0, 0, true, false, NULL),
    ('send_mail', 'mail', 2, 'join', 0, 0, true, false, NULL), ('withdraw', 'economy', 0, 'join', 0, 0, true, false, NULL),
    ('rebuild_index', 'slow', 3, 'join', 0, 0, true, false, NULL);

INSERT INTO motorpool.workers (name, started_at, lease_until, queues, kinds, stats)
SELECT 'farm-' || n, now() - interval '3 hours' * n, now() + interval '1 day', '{steam,mail,economy}',
    '{download_mod,parse_page,send_mail,withdraw}',
    jsonb_build_object('done', 48213 * n, 'failed', 37 * n, 'pools', jsonb_build_object(
        'steam', jsonb_build_object('lanes', 8, 'busy', 6 - n, 'buffered', 0, 'done', 31000 * n, 'failed', 30 * n),
        'mail', jsonb_build_object('lanes', 4, 'busy', 0, 'buffered', 0, 'done', 17000 * n, 'failed', 7 * n),
        'economy', jsonb_build_object('lanes', 2, 'busy', 0, 'buffered', 0, 'done', 213 * n, 'failed', 0)))
FROM generate_series(1, 2) n;

-- Many in line.
INSERT INTO motorpool.jobs (id, seq, created_at, state, level, priority, keep, queue, kind, subject, args)
SELECT n, n, now() - interval '1 second' * (12400 - i) * 0.05, 0, 5, 2, true, 'mail', 'send_mail', 'player ' || i, '{"template": "welcome"}'
FROM (SELECT nextval('motorpool.seq') AS n, i FROM generate_series(1, 12400) i) s;
INSERT INTO motorpool.jobs (id, seq, created_at, state, level, priority, keep, queue, kind, subject, args)
SELECT n, n, now() - interval '1 second' * (240 - i * 3), 0, 3, 1, true, 'steam', 'parse_page', 'workshop page ' || (2009463000 + i), '{}'
FROM (SELECT nextval('motorpool.seq') AS n, i FROM generate_series(1, 63) i) s;
INSERT INTO motorpool.jobs (id, seq, created_at, state, level, priority, keep, queue, kind, subject, args)
SELECT n, n, now() - interval '9 minutes', 0, 7, 3, true, 'slow', 'rebuild_index', 'index ' || n, '{}'
FROM (SELECT nextval('motorpool.seq') AS n FROM generate_series(1, 2) i) s;

-- Titles from outside.
INSERT INTO motorpool.jobs (id, seq, created_at, state, level, priority, keep, queue, kind, subject, args)
SELECT n, n, now() - interval '40 seconds', 0, 3, 1, true, 'steam', 'parse_page', t, jsonb_build_object('title', t)
FROM (SELECT nextval('motorpool.seq') AS n, t FROM unnest(ARRAY[
    '"><script>alert(document.cookie)</script>', '</td></tr></table><h1>Everything is free</h1>',
    '<img src=x onerror=alert(1)> Ultimate Overhaul [v2.1]', E'\u202Egnp.exe\u202C harmless.txt', '超級模組 — Полная версия — العربية — 🏴‍☠️',
    'AVeryLongTitleWithoutAnySpaceThatWouldPushTheTableFarBeyondTheEdgeOfThePhoneIfItWereNotBrokenSomewhereInTheMiddleOfIt',
    ''' onmouseover=''alert(1)', '&lt;b&gt;already escaped&lt;/b&gt;'] ) t) s;

-- Under a limit of two: two run, three are held.
INSERT INTO motorpool.jobs (id, seq, created_at, started_at, state, level, priority, held, admitted, worker, run, keep, queue, kind, subject, limit_key, args)
SELECT n, n, now() - interval '3 minutes', CASE WHEN i <= 2 THEN now() - interval '50 seconds' END, CASE WHEN i <= 2 THEN 1 ELSE 3 END, 3, 1,
    CASE WHEN i > 2 THEN 1 END, i <= 2, CASE WHEN i <= 2 THEN 1 END, (i <= 2)::integer, true, 'steam', 'download_mod',
    'mod ' || (2871500000 + i * 71), 'app 294100', jsonb_build_object('mod', 2871500000 + i * 71)
FROM (SELECT nextval('motorpool.seq') AS n, i FROM generate_series(1, 5) i) s;
INSERT INTO motorpool.progress (job, run, phase, done, total)
SELECT id, run, 'downloading', 61 * 1048576, 148 * 1048576 FROM motorpool.jobs WHERE state = 1 ORDER BY id LIMIT 1;

INSERT INTO motorpool.jobs (id, seq, created_at, run_at, state, level, priority, failures, keep, queue, kind, subject, args, errors)
SELECT n, n, now() - interval '10 minutes', now() + interval '37 seconds' * i, 2, 4, 2, i % 3, true, 'economy', 'withdraw', 'withdrawal ' || (900 + i), '{}',
    CASE WHEN i % 3 > 0 THEN '[{"run": 1, "at": "2026-11-21T12:00:00Z", "error": "toncenter answered 429"}]'::jsonb END
FROM (SELECT nextval('motorpool.seq') AS n, i FROM generate_series(1, 6) i) s;

INSERT INTO motorpool.dead (id, created_at, started_at, died_at, run, priority, failures, recoveries, attempts_max, keep, queue, kind, subject, args, errors, reason)
SELECT nextval('motorpool.seq'), now() - interval '1 hour' - interval '1 minute' * i, now() - interval '50 minutes', now() - interval '1 minute' * i, 5, 1,
    5, 0, 5, true, 'steam', CASE WHEN i % 4 = 0 THEN 'parse_page' ELSE 'download_mod' END, 'mod ' || (2009000000 + i * 977), jsonb_build_object('mod', 2009000000 + i * 977),
    (SELECT jsonb_agg(jsonb_build_object('run', r, 'at', to_char(now() - interval '10 minutes' * (6 - r), 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'error', CASE WHEN i % 4 = 0
        THEN E'expected div.requiredItemsContainer, found <script>alert(1)</script>\nat line 812 of the page' ELSE E'steamcmd ended with status 5: ERROR! Timeout downloading item\nUpdate state (0x61) downloading, progress: 41.22' END) ORDER BY r)
     FROM generate_series(1, 5) r), 'attempts'
FROM generate_series(1, 17) i;

INSERT INTO motorpool.queues (name, paused_at, paused_by) VALUES ('mail', now() - interval '11 minutes', 'bob');

INSERT INTO motorpool.samples (minute, queue, depth, more, running, oldest, done, failed, span)
SELECT date_trunc('minute', now()) - interval '1 minute' * m, q, CASE q WHEN 'mail' THEN greatest(0, least(10000, (11 - m) * 1100)) ELSE (40 + 35 * sin(m / 6.0))::integer END,
    q = 'mail' AND m < 2, 4, 3, CASE q WHEN 'mail' THEN CASE WHEN m > 11 THEN (900 + 250 * sin(m / 4.0))::integer ELSE 0 END
        ELSE (260 + 90 * cos(m / 7.0) + (m * 37 % 50))::integer END, CASE WHEN m % 13 = 0 THEN 60 ELSE m % 3 END, 60
FROM generate_series(0, 59) m, unnest(ARRAY['mail', 'steam', 'economy']) q;

INSERT INTO motorpool.schedules (name, expression, zone, kind, subject, args, overlap, missed, jitter_seconds, decided_to, next_slot, paused_at, paused_by)
VALUES ('withdrawals', '*/5 * * * *', 'UTC', 'withdraw', NULL, '{}', 'skip', 'skip', 0, now(), date_trunc('minute', now()) + interval '3 minutes', NULL, NULL),
    ('cleanup', '0 3 * * *', 'Europe/Berlin', 'rebuild_index', NULL, '{}', 'skip', 'last', 30, now(), date_trunc('day', now()) + interval '1 day 2 hours', NULL, NULL),
    ('price', '*/15 * * * *', 'UTC', 'parse_page', 'price', '{}', 'skip', 'skip', 0, now(), NULL, now() - interval '1 day', 'ann');
INSERT INTO motorpool.slots (schedule, slot, planned, decided_at, outcome, job, why)
SELECT 'withdrawals', s, s, s + interval '40 milliseconds', CASE WHEN n % 7 = 3 THEN 'skipped' ELSE 'fired' END, CASE WHEN n % 7 = 3 THEN NULL ELSE 100 + n END,
    CASE WHEN n % 7 = 3 THEN 'job 112 of the slot before has not ended' END
FROM (SELECT n, date_trunc('minute', now()) - interval '5 minutes' * n - interval '2 minutes' AS s FROM generate_series(0, 20) n) x;

INSERT INTO motorpool.audit (at, actor, address, action, target, count, detail)
VALUES (now() - interval '2 days', 'ann', '10.0.3.7', 'pause', 'schedule price', 1, NULL),
    (now() - interval '5 hours', 'bob', '10.0.3.9', 'retry', 'dead jobs of kind download_mod', 250, '{"place": "dead", "kind": "download_mod"}'),
    (now() - interval '3 hours', 'ann', '10.0.3.7', 'cancel', 'job 1204', 1, NULL),
    (now() - interval '11 minutes', 'bob', '10.0.3.9', 'pause', 'queue mail', 1, NULL);
ANALYZE motorpool.jobs;
