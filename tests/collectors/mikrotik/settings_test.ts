import assert from "node:assert/strict";
import mikrotik from "../../../collectors/mikrotik/mod.ts";
import {
  endpointOf,
  type MikrotikSettings,
  parsePlace,
  passwordOf,
  SETTINGS,
} from "../../../collectors/mikrotik/settings.ts";
import { type Literal, Problems } from "../../../core/node.ts";
import { record } from "../../../core/shape.ts";
import { placed } from "../../helpers/nodes.ts";

const SHAPE = record(SETTINGS);
const PASSWORD = "hunter2 is no secret";
const USER = { username: "prometheus", password: PASSWORD };

function read(settings: Literal): { values: MikrotikSettings | undefined; lines: string[] } {
  const problems = new Problems(), values = SHAPE.read(placed(settings), problems);
  return { values, lines: problems.lines() };
}

function valuesOf(settings: Literal): MikrotikSettings {
  const { values, lines } = read(settings);
  assert.deepEqual(lines, []);
  return values!;
}

function routerOf(own: { readonly [key: string]: Literal }) {
  const [router] = valuesOf({ routers: [{ address: "192.0.2.1", ...USER, ...own }] }).routers;
  return router!;
}

const HEX = "0123456789abcdef".repeat(4), COLONS = HEX.match(/../g)!.join(":").toUpperCase();

const PLACES: readonly (readonly [text: string, host?: string, port?: number])[] = [
  ["192.0.2.1", "192.0.2.1"],
  ["192.0.2.1:1", "192.0.2.1", 1],
  ["192.0.2.1:65535", "192.0.2.1", 65_535],
  ["router", "router"],
  ["router.example:8728", "router.example", 8728],
  ["2001:db8::1", "2001:db8::1"],
  ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
  ["[2001:db8::1]", "2001:db8::1"],
  ["[2001:db8::1]:8729", "2001:db8::1", 8729],
  [""],
  [":8728"],
  ["192.0.2.1:"],
  ["192.0.2.1:0"],
  ["192.0.2.1:65536"],
  ["192.0.2.1:123456"],
  ["192.0.2.1:api"],
  ["192.0.2.1:-1"],
  ["192.0.2.0/24"],
  ["2001:db8::/32"],
  ["2001:db8::1::2"],
  ["[2001:db8::1"],
  ["[2001:db8::1]8729"],
  ["[192.0.2.1]"],
  ["[router]:1"],
  ["http://router"],
  ["router:8728:8728"],
  ["two words"],
  ["router\n"],
];
for (const [text, host, port] of PLACES) {
  const what = host === undefined ? "is no place" : `is ${host} with ${port ?? "no port"}`;
  Deno.test(`parsePlace(): ${JSON.stringify(text)} ${what}`, () => {
    assert.deepEqual(parsePlace(text), host === undefined ? undefined : { host, port });
  });
}

Deno.test("A router has a name, a port and times also if nothing is said of them", () => {
  const router = routerOf({ address: "router.example" });
  assert.deepEqual([router.name, router.interval, router.timeout], ["router.example", 10, 60]);
  assert.deepEqual(endpointOf(router), { host: "router.example", port: 8728 });
  assert.deepEqual(endpointOf(routerOf({ tls: true })), { host: "192.0.2.1", port: 8729 });
  assert.deepEqual(endpointOf(routerOf({ tls: true, address: "[::1]:1234" })), { host: "::1", port: 1234 });
  assert.deepEqual(endpointOf({ ...router, resolved: "192.0.2.9" }), {
    host: "router.example",
    port: 8728,
    address: "192.0.2.9",
  });
});

Deno.test("A router alone needs no list", () => {
  assert.equal(valuesOf({ routers: { address: "192.0.2.1", ...USER } }).routers.length, 1);
});

const NO_TLS = { ca_file: undefined, fingerprint: undefined, insecure: false };
const TLS: readonly (readonly [written: Literal, tls: unknown])[] = [
  [false, false],
  [true, NO_TLS],
  [{}, NO_TLS],
  [{ ca_file: "/etc/ca.pem" }, { ...NO_TLS, ca_file: "/etc/ca.pem" }],
  [{ fingerprint: HEX }, { ...NO_TLS, fingerprint: HEX }],
  [{ fingerprint: COLONS }, { ...NO_TLS, fingerprint: COLONS }],
  [{ insecure: true }, { ...NO_TLS, insecure: true }],
  [{ ca_file: "/etc/ca.pem", insecure: false }, { ...NO_TLS, ca_file: "/etc/ca.pem" }],
];
for (const [written, tls] of TLS) {
  Deno.test(`tls may be ${JSON.stringify(written)}`, () =>
    assert.deepEqual(routerOf({ tls: written }).tls, tls));
}

const TIMES: readonly (readonly [text: Literal, seconds: number])[] = [
  ["1s", 1],
  [30, 30],
  ["1m30s", 90],
  ["1500ms", 1.5],
];
for (const [text, seconds] of TIMES) {
  Deno.test(`An interval and a timeout may be ${text}`, () => {
    const { interval, timeout } = routerOf({ interval: text, timeout: text });
    assert.deepEqual([interval, timeout], [seconds, seconds]);
  });
}

const FINGERPRINT = "the SHA-256 fingerprint of a certificate: 64 hexadecimal digits, with colons or without";
const ADDRESS = "an address such as 192.0.2.1, router.example:8728 or [2001:db8::1]:8728";
const ALLOWED =
  "a network such as 10.0.0.0/8 or a host, with a port if need be: 10.0.0.0/8:8729, [2001:db8::/32]:8729";

/** What is wrong with a router that has these keys. */
const WRONG_ROUTERS: readonly (readonly [own: { readonly [key: string]: Literal }, ...lines: string[]])[] = [
  [{}, 'routers[0]: The key "address" is missing', 'routers[0]: The key "username" is missing'],
  [{ address: "192.0.2.1" }, 'routers[0]: The key "username" is missing'],
  [USER, 'routers[0]: The key "address" is missing'],
  [{ ...USER, address: "192.0.2.0/24" }, `routers[0].address: Expected ${ADDRESS}, not "192.0.2.0/24"`],
  [{ ...USER, address: ["192.0.2.1"] }, `routers[0].address: Expected ${ADDRESS}, not a list`],
  [{ ...USER, address: "a", name: "" }, 'routers[0].name: Expected a text, not ""'],
  [{ ...USER, address: "a", interval: "999ms" }, "routers[0].interval: Expected an interval of at least 1s"],
  [
    { ...USER, address: "a", interval: 0 },
    'routers[0].interval: Expected a duration such as 30s, 5m or 2h, not "0"',
  ],
  [{ ...USER, address: "a", interval: "25h" }, "routers[0].interval: Expected an interval of at most 1d"],
  [{ ...USER, address: "a", timeout: "2m1s" }, "routers[0].timeout: Expected a timeout of at most 120s"],
  [
    { ...USER, address: "a", timeout: "soon" },
    'routers[0].timeout: Expected a duration such as 30s, 5m or 2h, not "soon"',
  ],
  [{ ...USER, address: "a", username: "" }, 'routers[0].username: Expected a text, not ""'],
  [
    { ...USER, address: "a", password_file: "/x" },
    "routers[0].password_file: Expected password or password_file, not both",
  ],
  [{ ...USER, address: "a", password: "" }, "routers[0].password: Expected a secret text, not nothing"],
  [
    { ...USER, address: "a", password: [PASSWORD] },
    "routers[0].password: Expected a secret text, not a list",
  ],
  [
    { ...USER, address: "a", password: { x: PASSWORD } },
    "routers[0].password: Expected a secret text, not a map",
  ],
  [
    { address: "a", username: "u", pasword: PASSWORD },
    'key routers[0].pasword: Unknown key "pasword" (did you mean "password"?)',
  ],
  [{ ...USER, address: "a", tls: "maybe" }, 'routers[0].tls: Expected true or false, not "maybe"'],
  [{ ...USER, address: "a", tls: [] }, "routers[0].tls: Expected a map, not a list"],
  [
    { ...USER, address: "a", tls: { fingerprint: "12:34" } },
    `routers[0].tls.fingerprint: Expected ${FINGERPRINT}, not "12:34"`,
  ],
  [
    { ...USER, address: "a", tls: { fingerprint: `${HEX}0` } },
    `routers[0].tls.fingerprint: Expected ${FINGERPRINT}, not "${HEX}0"`,
  ],
  [
    { ...USER, address: "a", tls: { ca_file: "x", insecure: true } },
    "routers[0].tls: Expected one of ca_file, insecure: each decides alone whom to trust",
  ],
  [
    { ...USER, address: "a", tls: { ca_file: "x", fingerprint: HEX } },
    "routers[0].tls: Expected one of ca_file, fingerprint: each decides alone whom to trust",
  ],
  [
    { ...USER, address: "a", tls: { fingerprint: HEX, insecure: true } },
    "routers[0].tls: Expected one of fingerprint, insecure: each decides alone whom to trust",
  ],
];
for (const [own, ...lines] of WRONG_ROUTERS) {
  const told = JSON.stringify(own).replaceAll(HEX, "HEX").replaceAll(PASSWORD, "…");
  Deno.test(`What is wrong with the router ${told} is told with its place`, () => {
    assert.deepEqual(read({ routers: [own] }).lines, lines);
    assert(!lines.join().includes(PASSWORD));
  });
}

Deno.test("Two routers do not have the same name", () => {
  const router = { address: "192.0.2.1", ...USER };
  assert.deepEqual(
    read({ routers: [router, { ...router, name: "b" }, router, { ...router, name: "b" }] }).lines,
    [
      'routers[2]: The router "192.0.2.1" is there twice',
      'routers[3].name: The router "b" is there twice',
    ],
  );
});

Deno.test("All that is wrong is told at once", () => {
  const { lines } = read({
    routers: [{ address: "a:b:c", interval: "0.5s" }, "b", { address: "c", ...USER, tls: { insecure: 1 } }],
    probe: { allow: ["10.0.0.0/33"], credentials: { a: {} } },
  });
  assert.deepEqual(lines, [
    `routers[0].address: Expected ${ADDRESS}, not "a:b:c"`,
    "routers[0].interval: Expected an interval of at least 1s",
    'routers[0]: The key "username" is missing',
    'routers[1]: Expected a map, not "b"',
    'routers[2].tls.insecure: Expected true or false, not "1"',
    `probe.allow[0]: Expected ${ALLOWED}, not "10.0.0.0/33"`,
    'probe.credentials.a: The key "username" is missing',
  ]);
});

const RIGHT_ENTRIES:
  readonly (readonly [text: string, prefix: string | undefined, host: string, port?: number])[] = [
    ["10.0.0.0/8", "10.0.0.0/8", "10.0.0.0/8"],
    ["10.1.2.3/8", "10.0.0.0/8", "10.1.2.3/8"],
    ["10.0.0.0/8:8729", "10.0.0.0/8", "10.0.0.0/8", 8729],
    ["192.0.2.1", "192.0.2.1/32", "192.0.2.1"],
    ["192.0.2.1:1234", "192.0.2.1/32", "192.0.2.1", 1234],
    ["2001:db8::/32", "2001:db8::/32", "2001:db8::/32"],
    ["[2001:db8::/32]:8729", "2001:db8::/32", "2001:db8::/32", 8729],
    ["[2001:db8::1]", "2001:db8::1/128", "2001:db8::1"],
    ["::ffff:10.0.0.0/104", "10.0.0.0/8", "::ffff:10.0.0.0/104"],
    ["Router.Example", undefined, "router.example"],
    ["router:8730", undefined, "router", 8730],
  ];
for (const [text, prefix, host, port] of RIGHT_ENTRIES) {
  Deno.test(`probe.allow may be ${text}`, () => {
    const [entry, ...more] = valuesOf({ probe: { allow: text } }).probe!.allow;
    assert.deepEqual([more.length, entry!.host, entry!.port, entry!.text], [0, host, port, text]);
    assert.equal(entry!.prefix && String(entry!.prefix), prefix);
  });
}

const WRONG_ENTRIES = [
  ...[
    "",
    "10.0.0.0/33",
    "10.0.0.0/8:0",
    "10.0.0.0/8:65536",
    "10.0.0.0/8:x",
    "a b",
    "*",
    "*.example",
    "http://a",
  ],
  ...["10.0.0.256", "router/8", "[router]:1", "2001:db8::/129", "[2001:db8::/32]x", "1.2.3", ":8728"],
];
for (const text of WRONG_ENTRIES) {
  Deno.test(`probe.allow may not be ${JSON.stringify(text)}`, () => {
    const line = `probe.allow: Expected ${ALLOWED}, not ${JSON.stringify(text)}`;
    assert.deepEqual(read({ probe: { allow: text } }).lines, [line]);
  });
}

Deno.test("A probe allows nobody and knows nobody if nothing is said", () => {
  const { probe } = valuesOf({ probe: {} });
  assert.deepEqual([probe!.allow, probe!.credentials.size], [[], 0]);
});

Deno.test("Somebody must be asked", () => {
  const message = 'Neither "routers" nor "probe" says whom to ask';
  const check = (settings: Literal) => mikrotik.check!(valuesOf(settings));
  assert.equal(check({}), message);
  assert.equal(check({ routers: [] }), message);
  assert.equal(check({ probe: {} }), undefined);
  assert.equal(check({ routers: { address: "a", ...USER } }), undefined);
});

Deno.test("Each router is a target with settings and an interval of its own", () => {
  const settings = valuesOf({
    routers: [{ address: "a", ...USER }, { address: "b:1", name: "c", ...USER, interval: "1m" }],
    probe: {},
  });
  const targets = mikrotik.targets!.of(settings);
  assert.deepEqual(targets.map(({ name, interval }) => [name, interval]), [["a", 10], ["c", 60]]);
  for (const [i, target] of targets.entries()) {
    assert.deepEqual(target.settings, { ...settings, routers: [settings.routers[i]] });
  }
});

Deno.test("Settings are shown as they would be read again, but for what is secret", () => {
  const settings = {
    routers: [
      { name: "a", address: "192.0.2.1", ...USER, tls: false, interval: 10, timeout: 60 },
      {
        name: "b",
        address: "[2001:db8::1]:8730",
        username: "u",
        password_file: "/run/password",
        tls: { ca_file: "/ca.pem", insecure: false },
        interval: 30,
        timeout: 5.5,
      },
      {
        name: "c",
        address: "c:1",
        ...USER,
        tls: { fingerprint: COLONS, insecure: false },
        interval: 1,
        timeout: 1,
      },
    ],
    probe: {
      credentials: { default: { ...USER, tls: { insecure: true } } },
      allow: ["10.0.0.0/8", "[2001:db8::/32]:8729", "Router.Example"],
    },
  };
  const shown = SHAPE.show!(valuesOf(settings));
  const hidden = JSON.parse(JSON.stringify(settings).replaceAll(PASSWORD, "<secret>"));
  assert.deepEqual(shown, hidden);
  assert.deepEqual(SHAPE.show!(valuesOf(shown as Literal)), hidden);
});

Deno.test("A password is nowhere in what is made of its settings", () => {
  const settings = valuesOf({
    routers: { address: "a", ...USER },
    probe: { credentials: { a: USER } },
  });
  const targets = mikrotik.targets!.of(settings);
  for (const all of [settings, targets]) {
    const texts = [JSON.stringify(all), Deno.inspect(all, { depth: 20, showHidden: true }), `${all}`];
    for (const text of texts) assert(!text.includes(PASSWORD), text);
  }
  assert.equal(passwordOf(settings.routers[0]!).reveal(), PASSWORD);
});

Deno.test("Without a password there is an empty one", () => {
  const [router] = valuesOf({ routers: { address: "a", username: "u" } }).routers;
  assert.equal(passwordOf(router!).reveal(), "");
});

Deno.test("A password is what is in its file, without the end of the line", async () => {
  const file = await Deno.makeTempFile();
  try {
    const [router] = valuesOf({ routers: { address: "a", username: "u", password_file: file } }).routers;
    for (const end of ["", "\n", "\r\n"]) {
      await Deno.writeTextFile(file, ` secret \t${end}`);
      assert.equal(passwordOf(router!).reveal(), " secret \t");
    }
  } finally {
    await Deno.remove(file);
  }
});
