import { deepEqual, equal } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import plugin from "../../tools/layers.ts";

interface Case {
  readonly name: string;
  /** Relative to the root of the project. */
  readonly file: string;
  readonly code: string;
  /** The messages of the rule that the name begins with; none means that the code is good. */
  readonly reports?: readonly string[];
}

function diagnosticsOf({ name, file, code }: Case): Deno.lint.Diagnostic[] {
  const path = fileURLToPath(new URL(`../../${file}`, import.meta.url));
  const rule = name.split(" ")[0];
  return Deno.lint.runPlugin(plugin, path, code).filter(({ id }) => id === rule);
}

const ONE_WAY: readonly Case[] = [
  {
    name: "layers/one-way reports parsers/ importing collectors/",
    file: "parsers/proc_net.ts",
    code: `import { collectors } from "../collectors/mod.ts";`,
    reports: ["Cannot import collectors/ in parsers/"],
  },
  {
    name: "layers/one-way reports core/ importing parsers/",
    file: "core/ip.ts",
    code: `import { Reader } from "../parsers/bytes.ts";`,
    reports: ["Cannot import parsers/ in core/"],
  },
  {
    name: "layers/one-way reports native/ importing collectors/",
    file: "native/netlink.ts",
    code: `import "../collectors/mod.ts";`,
    reports: ["Cannot import collectors/ in native/"],
  },
  {
    name: "layers/one-way reports collectors/ importing metrics/",
    file: "collectors/sockets/mod.ts",
    code: `import "../../metrics/rule.ts";`,
    reports: ["Cannot import metrics/ in collectors/"],
  },
  {
    name: "layers/one-way reports enrich/ importing native/",
    file: "enrich/service.ts",
    code: `import "../native/libc.ts";`,
    reports: ["Cannot import native/ in enrich/"],
  },
  {
    name: "layers/one-way reports metrics/ importing server/",
    file: "metrics/rule.ts",
    code: `import "../server/http.ts";`,
    reports: ["Cannot import server/ in metrics/"],
  },
  {
    name: "layers/one-way reports server/ importing config/",
    file: "server/http.ts",
    code: `import "../config/flags.ts";`,
    reports: ["Cannot import config/ in server/"],
  },
  {
    name: "layers/one-way reports config/ importing metrics/",
    file: "config/flags.ts",
    code: `import "../metrics/rule.ts";`,
    reports: ["Cannot import metrics/ in config/"],
  },
  {
    name: "layers/one-way reports every kind of import",
    file: "core/ip.ts",
    code: [
      `import type { A } from "../metrics/a.ts";`,
      `import { type B } from "../metrics/b.ts";`,
      `import * as c from "../metrics/c.ts";`,
      `export { d } from "../server/d.ts";`,
      `export * from "../server/e.ts";`,
      `export * as f from "../server/f.ts";`,
      `export type { G } from "../server/g.ts";`,
      `await import("../config/h.ts");`,
      "await import(`../config/i.ts`);",
      `type J = import("../enrich/j.ts").J;`,
    ].join("\n"),
    reports: [
      ...Array<string>(3).fill("Cannot import metrics/ in core/"),
      ...Array<string>(4).fill("Cannot import server/ in core/"),
      ...Array<string>(2).fill("Cannot import config/ in core/"),
      "Cannot import enrich/ in core/",
    ],
  },
  {
    name: "layers/one-way reports a path that comes back to another folder",
    file: "parsers/bytes/reader.ts",
    code: `import "./../../parsers/../collectors/mod.ts";`,
    reports: ["Cannot import collectors/ in parsers/"],
  },
  {
    name: "layers/one-way reports an absolute address",
    file: "parsers/reader.ts",
    code: `import ${JSON.stringify(new URL("../../collectors/mod.ts", import.meta.url).href)};`,
    reports: ["Cannot import collectors/ in parsers/"],
  },
  {
    name: "layers/one-way reports a layer importing main.ts, tests/ and what is outside of the project",
    file: "server/http.ts",
    code: `import "../main.ts";\nimport "../tests/tap.ts";\nimport "../../other/mod.ts";`,
    reports: [
      "Cannot import main.ts in server/",
      "Cannot import tests/ in server/",
      "Cannot import what is outside of the project in server/",
    ],
  },
  {
    name: "layers/one-way accepts a folder inside a layer with the name of another layer",
    file: "collectors/netflow/metrics/mod.ts",
    code: `import "../parsers/x.ts";\nimport "../../../core/ip.ts";\nimport "../server/y.ts";`,
  },
  {
    name: "layers/one-way accepts collectors/ importing core/, parsers/, native/ and itself",
    file: "collectors/sockets/mod.ts",
    code: [
      `import "../../core/ip.ts";`,
      `import "../../parsers/proc_net.ts";`,
      `import "../../native/netlink.ts";`,
      `import "../mod.ts";`,
      `import "./rules.ts";`,
    ].join("\n"),
  },
  {
    name: "layers/one-way accepts packages and what is only known at run time",
    file: "core/ip.ts",
    code:
      `import "node:util";\nimport "yaml";\nimport "npm:yaml@2";\nconst x = ""; await import(x);\nexport { x };`,
  },
  {
    name: "layers/one-way accepts everything in main.ts",
    file: "main.ts",
    code: `import "./collectors/mod.ts";\nimport "./server/http.ts";\nimport "./config/flags.ts";`,
  },
  {
    name: "layers/one-way accepts everything in tests/ that mirror a layer",
    file: "tests/parsers/proc_net_test.ts",
    code: `import "../../collectors/mod.ts";\nimport "../../parsers/proc_net.ts";`,
  },
  {
    name: "layers/one-way accepts everything in bench/",
    file: "bench/pipeline_bench.ts",
    code: `import "../metrics/pipeline.ts";\nimport "../collectors/mod.ts";`,
  },
  {
    name: "layers/one-way accepts everything in tools/",
    file: "tools/compile.ts",
    code: `import "../main.ts";\nimport "../native/libc.ts";`,
  },
  {
    name: "layers/one-way leaves files outside of the project alone",
    file: "../parsers/reader.ts",
    code: `import "../collectors/mod.ts";`,
  },
];

const PURE: readonly Case[] = [
  {
    name: "layers/pure reports Deno in parsers/, as a value and as a type",
    file: "parsers/reader.ts",
    code: `Deno.readTextFileSync("x");\nlet a: Deno.NetAddr;\nconst { env } = Deno;`,
    reports: Array<string>(3).fill("Cannot use the system in parsers/: Deno"),
  },
  {
    name: "layers/pure reports timers in metrics/",
    file: "metrics/pipeline.ts",
    code: `setTimeout(f, 1);\nsetInterval(f, 1);\nconst later = setImmediate;`,
    reports: [
      "Cannot use a timer in metrics/: setTimeout",
      "Cannot use a timer in metrics/: setInterval",
      "Cannot use a timer in metrics/: setImmediate",
    ],
  },
  {
    name: "layers/pure reports the clock",
    file: "parsers/reader.ts",
    code: [
      `performance.now();`,
      `Date.now();`,
      `Date["now"]();`,
      `Date?.now();`,
      `const { now } = Date;`,
      `new Date();`,
      `new Date;`,
      `Date();`,
      `Temporal.Now.instant();`,
    ].join("\n"),
    reports: [
      "Cannot use the clock in parsers/: performance",
      ...Array<string>(4).fill("Cannot use the clock in parsers/: Date.now"),
      "Cannot use the clock in parsers/: new Date()",
      "Cannot use the clock in parsers/: new Date",
      "Cannot use the clock in parsers/: Date()",
      "Cannot use the clock in parsers/: Temporal.Now",
    ],
  },
  {
    name: "layers/pure reports chance",
    file: "metrics/steps.ts",
    code: `Math.random();\nconst { random: r } = Math;\ncrypto.randomUUID();`,
    reports: [
      "Cannot use chance in metrics/: Math.random",
      "Cannot use chance in metrics/: Math.random",
      "Cannot use chance in metrics/: crypto.randomUUID",
    ],
  },
  {
    name: "layers/pure reports the network, the log and the global object",
    file: "metrics/steps.ts",
    code: `fetch("x");\nconsole.log(1);\nglobalThis.name;\nexport const x = { console };`,
    reports: [
      "Cannot use the network in metrics/: fetch",
      "Cannot use the log in metrics/: console",
      "Cannot use the global object in metrics/: globalThis",
      "Cannot use the log in metrics/: console",
    ],
  },
  {
    name: "layers/pure reports every kind of import of node:",
    file: "parsers/reader.ts",
    code:
      `import { Buffer } from "node:buffer";\nexport * from "node:fs";\nawait import("node:os");\nimport type { X } from "node:net";`,
    reports: [
      "Cannot use the system in parsers/: node:buffer",
      "Cannot use the system in parsers/: node:fs",
      "Cannot use the system in parsers/: node:os",
      "Cannot use the system in parsers/: node:net",
    ],
  },
  {
    name: "layers/pure accepts a time that is given, queueMicrotask, and arithmetic",
    file: "parsers/reader.ts",
    code:
      `new Date(0).toISOString();\nDate.UTC(2026, 0);\nDate.parse("x");\nqueueMicrotask(f);\nMath.floor(1.5);\nimport "../core/ip.ts";`,
  },
  {
    name: "layers/pure accepts members and keys of the same names",
    file: "metrics/rule.ts",
    code: [
      `interface Source { fetch(): void; console: string; performance: number }`,
      `class Timer { fetch = 1; console() {} get performance() { return this.fetch; } }`,
      `source.fetch(); source?.console; source.Deno.random();`,
      `const x = { fetch: 1, console() {}, Deno: 2 };`,
      `const { performance: p } = source;`,
      `let t: Types.Deno;`,
      `enum Kind { fetch }`,
      `fetch: for (;;) break fetch;`,
    ].join("\n"),
  },
  {
    name: "layers/pure accepts everything in collectors/",
    file: "collectors/metrics/mod.ts",
    code:
      `import "node:net";\nDeno.env; setTimeout(f, 1); Date.now(); Math.random(); console.log(new Date());`,
  },
  {
    name: "layers/pure accepts everything in tests/ that mirror a pure folder",
    file: "tests/metrics/rule_test.ts",
    code: `import "node:assert/strict";\nDeno.test("x", () => {}); Date.now();`,
  },
];

const FFI: readonly Case[] = [
  {
    name: "layers/ffi reports Deno.dlopen in collectors/",
    file: "collectors/wialon/mod.ts",
    code: `Deno.dlopen("libpcap.so", {});`,
    reports: ["Cannot open a library in collectors/: Deno.dlopen"],
  },
  {
    name: "layers/ffi reports Deno.dlopen in main.ts",
    file: "main.ts",
    code: `Deno.dlopen("libc.so.6", {});`,
    reports: ["Cannot open a library in main.ts: Deno.dlopen"],
  },
  {
    name: "layers/ffi reports Deno.dlopen however it is written",
    file: "core/native/libc.ts",
    code: [
      `Deno["dlopen"]("libc.so.6", {});`,
      `globalThis.Deno.dlopen("libc.so.6", {});`,
      `Deno?.dlopen("libc.so.6", {});`,
      `const { dlopen: open } = Deno;`,
      `const load = Deno!.dlopen;`,
    ].join("\n"),
    reports: Array<string>(5).fill("Cannot open a library in core/: Deno.dlopen"),
  },
  {
    name: "layers/ffi accepts Deno.dlopen in native/",
    file: "native/libc.ts",
    code: `Deno.dlopen("libc.so.6", {});`,
  },
  {
    name: "layers/ffi accepts Deno.dlopen in tests/",
    file: "tests/native/libc_test.ts",
    code: `Deno.dlopen("libc.so.6", {});`,
  },
  {
    name: "layers/ffi accepts Deno.dlopen in bench/",
    file: "bench/ffi_bench.ts",
    code: `Deno.dlopen("libc.so.6", {});`,
  },
  {
    name: "layers/ffi accepts another dlopen, and the rest of Deno",
    file: "collectors/wialon/mod.ts",
    code: `libraries.dlopen("libpcap.so");\nDeno.open("x");\nconst { open } = Deno;`,
  },
];

const linesOf = (count: number) => "f();\n".repeat(count);

const SIZE: readonly Case[] = [
  {
    name: "layers/size reports a file of 401 lines",
    file: "core/ip.ts",
    code: linesOf(401),
    reports: ["Expected at most 400 lines, not 401"],
  },
  {
    name: "layers/size counts comments, blank lines and a last line without an end",
    file: "main.ts",
    code: `// é€😀\n\n${linesOf(399)}f();`,
    reports: ["Expected at most 400 lines, not 402"],
  },
  { name: "layers/size accepts a file of 400 lines", file: "core/ip.ts", code: linesOf(400) },
  {
    name: "layers/size accepts a long data table",
    file: "parsers/ipfix/fields_table.ts",
    code: linesOf(401),
  },
  { name: "layers/size accepts a long test", file: "tests/core/ip_test.ts", code: linesOf(401) },
];

const PRIVATE: readonly Case[] = [
  {
    name: "layers/private reports fields, methods and accessors",
    file: "core/ip.ts",
    code: `class A {
      private readonly count = 1;
      private static make() {}
      private get size() { return 1; }
      private accessor last = 1;
      private "two words" = 1;
    }`,
    reports: [
      "Use #count instead of private count",
      "Use #make instead of private make",
      "Use #size instead of private size",
      "Use #last instead of private last",
      "Use #name instead of private name",
    ],
  },
  {
    name: "layers/private reports in tests/ too",
    file: "tests/core/ip_test.ts",
    code: `class A { private count = 1; }`,
    reports: ["Use #count instead of private count"],
  },
  {
    name: "layers/private accepts a private constructor and its parameter properties",
    file: "core/ip.ts",
    code: `class A { private constructor(private readonly text: string, readonly size: number) {} }`,
  },
  {
    name: "layers/private accepts #names, protected and public members",
    file: "core/ip.ts",
    code: `class A { #count = 1; #make() {} protected size = 1; public readonly text = ""; last = 2; }`,
  },
];

for (const group of [ONE_WAY, PURE, FFI, SIZE, PRIVATE]) {
  for (const test of group) {
    Deno.test(test.name, () => {
      deepEqual(diagnosticsOf(test).map(({ message }) => message), test.reports ?? []);
    });
  }
}

Deno.test("layers/one-way tells what the folder may import", () => {
  const name = "layers/one-way";
  const [diagnostic] = diagnosticsOf({ name, file: "parsers/x.ts", code: `import "../server/http.ts";` });
  equal(diagnostic?.hint, "It may import core/, parsers/");
});

Deno.test("layers/size points at the first line that is too many", () => {
  const code = `// é€😀\n${linesOf(399)}tooMuch();\n`;
  const [diagnostic] = diagnosticsOf({ name: "layers/size", file: "core/x.ts", code });
  equal(code.slice(...diagnostic?.range ?? []), "tooMuch();");
});
