import assert from "node:assert/strict";
import { Ip } from "../../core/ip.ts";
import { Log, LOG_LEVELS, type LogFormat, type LogLevel } from "../../core/log.ts";
import { type FakeTimers, withFakeTimers } from "../helpers/timers.ts";

interface Logged {
  readonly format?: LogFormat;
  readonly level?: LogLevel;
}

/** The lines that the body logs, without their times. */
function logged(options: Logged, body: (log: Log, timers: FakeTimers) => void): string[] {
  const lines: string[] = [];
  const write = (line: string) => lines.push(line.replace(/^(\{"ts":"[^"]*",|ts=\S+ )/, ""));
  withFakeTimers((timers) => body(new Log({ level: "info", format: "logfmt", ...options, write }), timers));
  return lines;
}

function raw(format: LogFormat): string {
  const lines: string[] = [];
  withFakeTimers(() =>
    new Log({ level: "info", format, write: (line) => lines.push(line) }).info("Listening", { port: 80 })
  );
  return lines.join("");
}

Deno.test("a logfmt line begins with its time in UTC", () => {
  assert.match(
    raw("logfmt"),
    /^ts=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=info msg=Listening port=80\n$/,
  );
});

Deno.test("a JSON line begins with its time in UTC", () => {
  assert.match(
    raw("json"),
    /^\{"ts":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","level":"info","msg":"Listening","port":80\}\n$/,
  );
});

const VALUES = [
  { what: "a word", value: "tcp", logfmt: "tcp", json: '"tcp"' },
  { what: "a path", value: "/proc/net/tcp", logfmt: "/proc/net/tcp", json: '"/proc/net/tcp"' },
  { what: "a number", value: 1.5, logfmt: "1.5", json: "1.5" },
  { what: "a boolean", value: true, logfmt: "true", json: "true" },
  { what: "a bigint", value: 2n ** 64n, logfmt: "18446744073709551616", json: '"18446744073709551616"' },
  { what: "nothing", value: undefined, logfmt: "undefined", json: '"undefined"' },
  { what: "null", value: null, logfmt: "null", json: '"null"' },
  { what: "an address", value: Ip.v4(0x7f000001), logfmt: "127.0.0.1", json: '"127.0.0.1"' },
  { what: "a list", value: ["a", 1], logfmt: "a,1", json: '"a,1"' },
  { what: "an empty text", value: "", logfmt: '""', json: '""' },
  { what: "a space", value: "a b", logfmt: '"a b"', json: '"a b"' },
  { what: "a quote", value: 'a"b', logfmt: '"a\\"b"', json: '"a\\"b"' },
  { what: "an equals sign", value: "a=b", logfmt: '"a=b"', json: '"a=b"' },
  { what: "a backslash", value: "a\\b", logfmt: '"a\\\\b"', json: '"a\\\\b"' },
  { what: "a line break", value: "a\nlevel=error", logfmt: '"a\\nlevel=error"', json: '"a\\nlevel=error"' },
  { what: "an escape", value: "\x1b[2J", logfmt: '"\\u001b[2J"', json: '"\\u001b[2J"' },
  { what: "a NUL", value: "a\0", logfmt: '"a\\u0000"', json: '"a\\u0000"' },
  { what: "letters that are not ASCII", value: "zürich", logfmt: "zürich", json: '"zürich"' },
  { what: "an Error", value: new TypeError("No route"), logfmt: '"No route"', json: '"No route"' },
];

for (const { what, value, logfmt, json } of VALUES) {
  Deno.test(`logfmt writes ${what} as ${logfmt}`, () => {
    assert.deepEqual(logged({}, (log) => log.info("m", { value })), [`level=info msg=m value=${logfmt}\n`]);
  });

  Deno.test(`JSON writes ${what} as ${json}`, () => {
    assert.deepEqual(logged({ format: "json" }, (log) => log.info("m", { value })), [
      `"level":"info","msg":"m","value":${json}}\n`,
    ]);
  });
}

Deno.test("logfmt writes no control character of the C1 set as it is", () => {
  const [line] = logged({}, (log) => log.info("m", { value: "\x9b2J\x7f" }));
  assert.doesNotMatch(line!.trimEnd(), /\p{Cc}/u);
});

Deno.test("logfmt quotes a message of several words", () => {
  assert.deepEqual(logged({}, (log) => log.info("Cannot read the table")), [
    'level=info msg="Cannot read the table"\n',
  ]);
});

Deno.test("details keep their order", () => {
  assert.deepEqual(logged({}, (log) => log.info("m", { b: 1, a: 2 })), ["level=info msg=m b=1 a=2\n"]);
});

const LEVELS = [
  { level: "debug", written: ["debug", "info", "warn", "error"] },
  { level: "info", written: ["info", "warn", "error"] },
  { level: "warn", written: ["warn", "error"] },
  { level: "error", written: ["error"] },
] as const;

for (const { level, written } of LEVELS) {
  Deno.test(`the level ${level} lets ${written.join(", ")} through`, () => {
    const lines = logged({ level }, (log) => LOG_LEVELS.forEach((each) => log[each]("m")));
    assert.deepEqual(lines, written.map((each) => `level=${each} msg=m\n`));
  });
}

Deno.test("a message below the level starts no window", () => {
  logged({}, (log, timers) => {
    log.debug("m");
    assert.deepEqual(timers.delays, []);
  });
});

function repeat(times: number, action: () => void): void {
  for (let i = 0; i < times; i++) action();
}

Deno.test("three lines of one message are written in a window", () => {
  const lines = logged({}, (log) => repeat(10, () => log.warn("m")));
  assert.equal(lines.length, 3);
});

Deno.test("a window is 30 seconds long and is opened once", () => {
  logged({}, (log, timers) => {
    repeat(10, () => log.warn("m"));
    assert.deepEqual(timers.delays, [30_000]);
  });
});

Deno.test("the end of a window writes how many lines were suppressed", () => {
  const lines = logged({}, (log, timers) => {
    repeat(10, () => log.warn("m", { file: "a" }));
    timers.fire();
  });
  assert.equal(lines.at(-1), "level=warn msg=m file=a suppressed=7\n");
});

Deno.test("the end of a window writes nothing when nothing was suppressed", () => {
  const lines = logged({}, (log, timers) => {
    repeat(3, () => log.warn("m"));
    timers.fire();
  });
  assert.equal(lines.length, 3);
});

Deno.test("a message is written again after its window", () => {
  const lines = logged({}, (log, timers) => {
    repeat(10, () => log.warn("m", { window: 1 }));
    timers.fire();
    log.warn("m", { window: 2 });
  });
  assert.equal(lines.at(-1), "level=warn msg=m window=2\n");
});

Deno.test("the count of suppressed lines begins anew with each window", () => {
  const lines = logged({}, (log, timers) => {
    repeat(10, () => log.warn("m"));
    timers.fire();
    repeat(4, () => log.warn("m"));
    timers.fire();
  });
  assert.equal(lines.at(-1), "level=warn msg=m suppressed=1\n");
});

const APART = [
  { what: "another message", log: (log: Log) => log.warn("other") },
  { what: "another level", log: (log: Log) => log.error("m") },
  { what: "another collector", log: (log: Log) => log.warn("m", { collector: "wialon" }) },
];

for (const { what, log: other } of APART) {
  Deno.test(`${what} has a window of its own`, () => {
    const lines = logged({}, (log) => {
      repeat(10, () => log.warn("m", { collector: "netflow" }));
      other(log);
    });
    assert.equal(lines.length, 4);
  });
}

Deno.test("details other than the collector share a window", () => {
  const lines = logged({}, (log) => [1, 2, 3, 4, 5].forEach((line) => log.warn("m", { line })));
  assert.equal(lines.length, 3);
});

Deno.test("a line that cannot be written ends nothing", () => {
  const log = new Log({
    level: "info",
    format: "logfmt",
    write: () => {
      throw new Error("No space left");
    },
  });
  log.info("something");
});

Deno.test("lines with another reason are limited by themselves", () => {
  const lines: string[] = [];
  const log = new Log({ level: "info", format: "logfmt", write: (line) => lines.push(line) });
  withFakeTimers(() => {
    for (const reason of ["a", "b"]) {
      for (let i = 0; i < 5; i++) log.info("something", { collector: "c", reason });
    }
  });
  assert.equal(lines.filter((line) => line.includes("reason=b")).length, 3);
});

const DETAILS: readonly { readonly what: string; readonly log: (log: Log) => void; readonly line: string }[] =
  [
    {
      what: "before those of the line",
      log: (log) => log.with({ router: "core" }).info("m", { n: 1 }),
      line: "router=core n=1",
    },
    {
      what: "though the line has none",
      log: (log) => log.with({ router: "core" }).info("m"),
      line: "router=core",
    },
    {
      what: "with those of the log that it was made of",
      log: (log) => log.with({ router: "core", a: 1 }).with({ b: 2 }).info("m"),
      line: "router=core a=1 b=2",
    },
    {
      what: "in the place of those of the log that it was made of",
      log: (log) => log.with({ router: "core" }).with({ router: "edge" }).info("m"),
      line: "router=edge",
    },
    {
      what: "unless the line says otherwise",
      log: (log) => log.with({ router: "core" }).info("m", { router: "edge" }),
      line: "router=edge",
    },
  ];

for (const { what, log, line } of DETAILS) {
  Deno.test(`with() gives a log that writes its details ${what}`, () => {
    assert.deepEqual(logged({}, log), [`level=info msg=m ${line}\n`]);
  });
}

Deno.test("with() gives a log that writes its details in JSON", () => {
  const lines = logged({ format: "json" }, (log) => log.with({ router: "core" }).info("m", { n: 1 }));
  assert.deepEqual(lines, ['"level":"info","msg":"m","router":"core","n":1}\n']);
});

Deno.test("with() cannot replace the level or the message of a line", () => {
  const lines = logged({}, (log) => log.with({ ts: "now", level: "debug", msg: "other" }).info("m"));
  assert.deepEqual(lines, ["level=info msg=m\n"]);
});

Deno.test("with() changes nothing of the log that it is called of", () => {
  const lines = logged({}, (log) => {
    log.with({ router: "core" });
    log.info("m");
  });
  assert.deepEqual(lines, ["level=info msg=m\n"]);
});

Deno.test("with() keeps the level of the log", () => {
  assert.deepEqual(logged({ level: "warn" }, (log) => log.with({ router: "core" }).info("m")), []);
});

Deno.test("with() gives each log windows of its own, and its details to the line at the end of one", () => {
  const lines = logged({}, (log, timers) => {
    for (const router of ["core", "edge"]) {
      const own = log.with({ router });
      repeat(4, () => own.warn("m"));
    }
    timers.fire();
  });
  assert.deepEqual(lines.filter((line) => line.includes("suppressed")), [
    "level=warn msg=m router=core suppressed=1\n",
    "level=warn msg=m router=edge suppressed=1\n",
  ]);
  assert.equal(lines.length, 8);
});
