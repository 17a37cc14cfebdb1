import assert from "node:assert/strict";
import { Ip } from "../../core/ip.ts";
import { Vocabulary } from "../../core/vocabulary.ts";
import {
  attributesOf,
  CONNECTION,
  CONNECTION_COLUMNS,
  type ConnectionColumn,
  COUNTERS,
  IDENTITY,
  RouterConnectionReader,
} from "../../parsers/router_connection.ts";
import { RouterosSentences } from "../../parsers/routeros_sentences.ts";
import { property, type Random } from "../helpers/random.ts";
import { type Prepared, prepared, type Row, type Table } from "../helpers/routeros/rows.ts";
import { manyConnections, smallRouter } from "../helpers/routeros/tables.ts";
import { encodeSentence, type Word } from "../helpers/routeros/words.ts";

const SEED = 0x5eed;
const UNTOUCHED = -7;
const OF_CALLER: readonly ConnectionColumn[] = ["router", "family"];
const FLAGS: readonly ConnectionColumn[] = [
  ...["fasttrack", "srcnat", "dstnat", "active", "seen_reply", "assured"] as const,
  ...["confirmed", "expected", "dying"] as const,
];
const ADDRESSES: readonly ConnectionColumn[] = [
  "src_address",
  "dst_address",
  "reply_src_address",
  "reply_dst_address",
];
const TEXTS: readonly ConnectionColumn[] = ["protocol", "connection_mark", "connection_type", "tcp_state"];
const SMALL = prepared(smallRouter()["/ip/firewall/connection"]!),
  SMALL6 = prepared(smallRouter()["/ipv6/firewall/connection"]!);
const TCP = SMALL.row(0), ICMP = SMALL.row(4), GRE = SMALL.row(5), TCP6 = SMALL6.row(0);

type Value = number | string;

/** At a sentence that is a row. */
function sentenceOf(...words: readonly Word[]): RouterosSentences {
  const sentences = new RouterosSentences(), bytes = encodeSentence(["!re", ...words]);
  sentences.room().set(bytes);
  sentences.received(bytes.length);
  assert(sentences.next());
  return sentences;
}

function wordsOf(row: Row): string[] {
  return Object.entries(row).map(([name, value]) => `=${name}=${value}`);
}

/** Reads rows one after the other, with one reader. */
class Reading {
  readonly vocabulary: Vocabulary;
  readonly reader: RouterConnectionReader;
  readonly row = new Float64Array(CONNECTION_COLUMNS.length).fill(UNTOUCHED);

  constructor({ vocabulary = new Vocabulary(), seed = SEED } = {}) {
    this.vocabulary = vocabulary;
    this.reader = new RouterConnectionReader(vocabulary, seed);
  }

  read(...words: readonly Word[]): Record<string, Value> {
    this.reader.read(sentenceOf(...words), this.row);
    return this.plain();
  }

  /** The row, with addresses and texts as what they stand for. */
  plain(): Record<string, Value> {
    const { row, vocabulary } = this;
    return Object.fromEntries(CONNECTION_COLUMNS.map((name) => {
      const value = row[CONNECTION[name]]!;
      if (value !== value) return [name, NaN];
      if (ADDRESSES.includes(name)) return [name, vocabulary.ipOf(value).toString()];
      return [name, TEXTS.includes(name) ? vocabulary.textOf(value) : value];
    }));
  }

  identityOf(row: Row): readonly [id: number, tuple: number] {
    this.read(...wordsOf(row));
    return [this.reader.id, this.reader.tuple];
  }
}

/** A row of which nothing is known, except this. */
function blankBut(known: Partial<Record<ConnectionColumn, Value>> = {}): Record<string, Value> {
  const blank = CONNECTION_COLUMNS.map((name) => {
    if (OF_CALLER.includes(name)) return [name, UNTOUCHED];
    return [name, FLAGS.includes(name) ? 0 : NaN];
  });
  return { ...Object.fromEntries(blank), ...known };
}

function read(...words: readonly Word[]): Record<string, Value> {
  return new Reading().read(...words);
}

function secondsOf(text: string): number {
  const units: Record<string, number> = { d: 86_400, h: 3600, m: 60, s: 1 };
  return text.matchAll(/(\d+)([dhms])/g).reduce((sum, [, n, unit]) => sum + Number(n) * units[unit!]!, 0);
}

function bitsOf(text: string): number {
  const [, n, prefix = ""] = /^([\d.]+)(?:([kM]?)bps)?$/.exec(text)!;
  return Math.round(Number(n) * ({ "": 1, "k": 1e3, "M": 1e6 }[prefix] ?? NaN));
}

/** The row that a reader makes of a connection, made in another way. */
function naive(connection: Row): Record<string, Value> {
  const row = blankBut();
  for (const [attribute, value] of Object.entries(connection)) {
    const name = attribute.replaceAll("-", "_");
    if (value === "" || !(name in CONNECTION)) continue;
    if (name.endsWith("_address")) {
      const [, ip, port] = /^((?:\d+\.){3}\d+|[^.]+?)(?:(?<=\..*):(\d+))?$/.exec(value)!;
      row[name] = Ip.parse(ip!)!.toString();
      if (port !== undefined) row[name.replace("address", "port")] = Number(port);
    } else if (name.endsWith("_rate")) row[name] = bitsOf(value);
    else if (FLAGS.includes(name as ConnectionColumn)) row[name] = value === "true" ? 1 : 0;
    else row[name] = /^\d+$/.test(value) && name !== "protocol" ? Number(value) : value;
  }
  row.timeout_seconds = secondsOf(connection["timeout"]!);
  const isActive = row.protocol === "tcp" ? row.tcp_state === "established" : row.seen_reply === 1;
  return { ...row, active: isActive ? 1 : 0 };
}

function* rowsOf(table: Table): Generator<Row> {
  const { count, row }: Prepared = prepared(table);
  for (let i = 0; i < count; i++) yield row(i);
}

const CASES: readonly (readonly [attribute: string, text: string, column: ConnectionColumn, value: Value])[] =
  [
    ["protocol", "udp", "protocol", "udp"],
    ["src-address", "192.0.2.1", "src_address", "192.0.2.1"],
    ["src-port", "1001", "src_port", 1001],
    ["dst-address", "192.0.2.2", "dst_address", "192.0.2.2"],
    ["dst-port", "1002", "dst_port", 1002],
    ["reply-src-address", "192.0.2.3", "reply_src_address", "192.0.2.3"],
    ["reply-src-port", "1003", "reply_src_port", 1003],
    ["reply-dst-address", "192.0.2.4", "reply_dst_address", "192.0.2.4"],
    ["reply-dst-port", "1004", "reply_dst_port", 1004],
    ["connection-mark", "гости", "connection_mark", "гости"],
    ["connection-type", "ftp", "connection_type", "ftp"],
    ["fasttrack", "true", "fasttrack", 1],
    ["srcnat", "yes", "srcnat", 1],
    ["dstnat", "true", "dstnat", 1],
    ["tcp-state", "time-wait", "tcp_state", "time-wait"],
    ["seen-reply", "true", "seen_reply", 1],
    ["assured", "true", "assured", 1],
    ["confirmed", "true", "confirmed", 1],
    ["expected", "true", "expected", 1],
    ["dying", "true", "dying", 1],
    ["timeout", "1d00:00:05", "timeout_seconds", 86_405],
    ["orig-packets", "2001", "orig_packets", 2001],
    ["orig-bytes", "2002", "orig_bytes", 2002],
    ["repl-packets", "2003", "repl_packets", 2003],
    ["repl-bytes", "9007199254740991", "repl_bytes", Number.MAX_SAFE_INTEGER],
    ["orig-fasttrack-packets", "2005", "orig_fasttrack_packets", 2005],
    ["orig-fasttrack-bytes", "2006", "orig_fasttrack_bytes", 2006],
    ["repl-fasttrack-packets", "2007", "repl_fasttrack_packets", 2007],
    ["repl-fasttrack-bytes", "2008", "repl_fasttrack_bytes", 2008],
    ["orig-rate", "13.2kbps", "orig_rate", 13_200],
    ["repl-rate", "64000", "repl_rate", 64_000],
    ["icmp-type", "8", "icmp_type", 8],
    ["icmp-code", "3", "icmp_code", 3],
    ["icmp-id", "4660", "icmp_id", 4660],
    ["gre-key", "4294967295", "gre_key", 2 ** 32 - 1],
  ];
const NAMES = CASES.map(([attribute]) => attribute);

Deno.test("read() writes each attribute into its column, and nothing else", () => {
  for (const [attribute, text, column, value] of CASES) {
    const known = { [column]: value, ...column === "seen_reply" ? { active: 1 } : {} };
    assert.deepEqual(read(`=${attribute}=${text}`), blankBut(known), attribute);
  }
});

Deno.test("read() writes all attributes of a row, in any order", () => {
  const words = CASES.map(([attribute, text]) => `=${attribute}=${text}`);
  const expected = blankBut(
    Object.fromEntries([...CASES.map(([, , name, value]) => [name, value]), ["active", 1]]),
  );
  assert.deepEqual(read(...words), expected);
  assert.deepEqual(read(...words.toReversed()), expected);
});

Deno.test("read() leaves numbers and texts absent, and flags 0, when nothing is told", () => {
  assert.deepEqual(read(), blankBut());
  assert.deepEqual(read(".tag=1"), blankBut());
});

Deno.test("read() writes 0 where 0 is told", () => {
  for (const name of NAMES.filter((name) => /port|packets|bytes|rate|icmp|gre/.test(name))) {
    assert.deepEqual(read(`=${name}=0`), blankBut({ [name.replaceAll("-", "_")]: 0 }));
  }
});

Deno.test("read() takes the port from the address, or from an attribute of its own", () => {
  const cases: readonly (readonly [words: readonly string[], ip: string, port: number])[] = [
    [["address=192.0.2.1:80"], "192.0.2.1", 80],
    [["address=192.0.2.1", "port=80"], "192.0.2.1", 80],
    [["port=80", "address=192.0.2.1"], "192.0.2.1", 80],
    [["address=192.0.2.1:81", "port=80"], "192.0.2.1", 80],
    [["port=80", "address=192.0.2.1:81"], "192.0.2.1", 80],
    [["port=", "address=192.0.2.1:80"], "192.0.2.1", 80],
    [["address=2001:db8::1", "port=80"], "2001:db8::1", 80],
    [["address=[2001:db8::1]:80"], "2001:db8::1", 80],
    [["address=[2001:db8::1]", "port=80"], "2001:db8::1", 80],
    [["address=fe80::1%ether1", "port=80"], "fe80::1", 80],
    [["address=2001:db8::1"], "2001:db8::1", NaN],
    [["address=192.0.2.1"], "192.0.2.1", NaN],
  ];
  for (const end of ["src", "dst", "reply-src", "reply-dst"]) {
    for (const [words, ip, port] of cases) {
      const column = end.replace("-", "_"), told = words.map((word) => `=${end}-${word}`);
      const expected = blankBut({ [`${column}_address`]: ip, [`${column}_port`]: port });
      assert.deepEqual(read(...told), expected, told.join(" "));
    }
  }
});

Deno.test("read() makes a connection of TCP active when it is established, and others when they are answered", () => {
  const cases: readonly (readonly [words: readonly string[], active: number])[] = [
    [["=protocol=tcp", "=tcp-state=established", "=seen-reply=true"], 1],
    [["=protocol=tcp", "=tcp-state=established", "=seen-reply=false"], 1],
    [["=tcp-state=established", "=protocol=tcp"], 1],
    [["=protocol=tcp", "=tcp-state=time-wait", "=seen-reply=true"], 0],
    [["=protocol=tcp", "=tcp-state=establishe", "=seen-reply=true"], 0],
    [["=protocol=tcp", "=tcp-state=established2", "=seen-reply=true"], 0],
    [["=protocol=tcp", "=seen-reply=true"], 0],
    [["=protocol=udp", "=seen-reply=true"], 1],
    [["=protocol=udp", "=seen-reply=yes"], 1],
    [["=protocol=udp", "=seen-reply=false"], 0],
    [["=protocol=udp", "=tcp-state=established"], 0],
    [["=protocol=icmpv6", "=seen-reply=true"], 1],
    [["=protocol=103", "=seen-reply=true"], 1],
    [["=protocol=tcpx", "=seen-reply=true"], 1],
    [["=seen-reply=true"], 1],
    [["=protocol=gre"], 0],
  ];
  for (const [words, active] of cases) assert.equal(read(...words).active, active, words.join(" "));
});

Deno.test("read() ignores attributes that are not known, and words that are no attributes", () => {
  const words = [
    ".id=*1",
    "=.id=*1",
    "=hw-offload=true",
    "=gre-version=0",
    "=orig-byte=1",
    "=orig-bytess=1",
    "=p2p=x",
  ];
  words.push(
    "=",
    "==",
    "=a",
    "==1",
    "orig-bytes=1",
    "=ORIG-BYTES=1",
    "= orig-bytes=1",
    "?orig-bytes=1",
    "=протокол=tcp",
  );
  words.push("=orig-bytes", "=__proto__=1", "=constructor=1", ".tag=5", "x", `=${"y".repeat(3000)}=1`);
  const reading = new Reading();
  assert.deepEqual(reading.read(...words, "=dst-port=5"), blankBut({ dst_port: 5 }));
  assert.equal(reading.reader.malformed, 0);
});

Deno.test("read() takes an empty value for none", () => {
  const reading = new Reading();
  assert.deepEqual(reading.read(...NAMES.map((name) => `=${name}=`)), blankBut());
  assert.equal(reading.reader.malformed, 0);
});

Deno.test("read() counts the values that it could not read, and writes them as absent", () => {
  const reading = new Reading();
  const texts = ["x", "-1", "1.2.3", "[::1", "1x", "=", "\0", "é", "9".repeat(30)];
  let count = 0;
  for (const name of NAMES) {
    const [, , column] = CASES[NAMES.indexOf(name)]!;
    if (FLAGS.includes(column) || TEXTS.includes(column)) continue;
    for (const text of texts) {
      if (text === "1.2.3" && name.endsWith("-rate")) continue;
      assert.deepEqual(reading.read(`=${name}=${text}`), blankBut(), `${name}: ${text}`);
      assert.equal(reading.reader.malformed, ++count, `${name}: ${text}`);
    }
  }
  reading.read("=src-address=1.2.3", "=orig-bytes=x", "=timeout=never", "=orig-rate=fast");
  assert.equal(reading.reader.malformed, count + 4);
});

Deno.test("read() reads on after a value that it could not read", () => {
  assert.deepEqual(
    read("=src-address=?", "=src-port=1", "=orig-bytes=?", "=repl-bytes=2", bytesOf("=tcp-state=\xff")),
    blankBut({ src_port: 1, repl_bytes: 2, tcp_state: "\ufffd" }),
  );
});

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

Deno.test("read() leaves the router and the family as they are, and nothing of the row before", () => {
  const reading = new Reading();
  reading.row[CONNECTION.router] = 11;
  reading.row[CONNECTION.family] = 1;
  for (const row of [TCP, ICMP, TCP6, GRE, {}, TCP6, {}, TCP]) {
    const expected = Object.keys(row).length > 0 ? naive(row) : blankBut();
    assert.deepEqual(reading.read(...wordsOf(row)), { ...expected, router: 11, family: 1 });
  }
});

Deno.test("read() reads the tables of routers as what they tell", () => {
  const reading = new Reading();
  for (const table of [SMALL, SMALL6, manyConnections(20_000)]) {
    for (const row of rowsOf(table)) assert.deepEqual(reading.read(...wordsOf(row)), naive(row), row[".id"]!);
  }
  assert.equal(reading.reader.malformed, 0);
});

/** Changes after which it is the same connection. */
const SAME: readonly Row[] = [
  { "orig-bytes": "999999", "orig-packets": "9", "repl-bytes": "1", "repl-packets": "8" },
  { "orig-fasttrack-bytes": "5", "repl-fasttrack-packets": "5", "orig-rate": "7kbps", "repl-rate": "7" },
  { "tcp-state": "close", "timeout": "3s" },
  { "connection-mark": "other", "connection-type": "sip" },
  { "fasttrack": "true", "assured": "false", "seen-reply": "false", "dying": "true", "confirmed": "false" },
  {
    "reply-src-address": "192.0.2.77:7",
    "reply-dst-address": "192.0.2.78:8",
    "srcnat": "false",
    "dstnat": "true",
  },
  { ".id": "*FFFF", "hw-offload": "true" },
];

/** Changes after which it is another. */
const OTHER: readonly Row[] = [
  { "protocol": "udp-lite" },
  { "protocol": "tc" },
  { "src-address": "192.168.88.11:51234", "src-port": "51234" },
  { "src-address": "192.168.88.10:51235", "src-port": "51235" },
  { "dst-address": "142.250.185.79:443", "dst-port": "443" },
  { "dst-address": "142.250.185.78:444", "dst-port": "444" },
  { "src-address": "2001:db8::77", "src-port": "9" },
  { "dst-address": "2001:db8::77", "dst-port": "9" },
  { "icmp-id": "4661" },
  { "gre-key": "77" },
];

Deno.test("id and tuple are those of before when a connection has moved something, or is in another state", () => {
  const reading = new Reading();
  for (const row of [TCP, TCP6, ICMP, GRE]) {
    const identity = reading.identityOf(row);
    for (const change of SAME) {
      assert.deepEqual(reading.identityOf({ ...row, ...change }), identity, JSON.stringify(change));
    }
  }
});

Deno.test("id and tuple have nothing of the row before", () => {
  const only = [{}, { "protocol": "tcp" }, { "src-address": "192.0.2.1" }, { "dst-port": "5" }];
  const reading = new Reading();
  for (const row of only) {
    const identity = new Reading().identityOf(row);
    for (const before of [TCP, TCP6, ICMP, GRE]) {
      reading.identityOf(before);
      assert.deepEqual(reading.identityOf(row), identity);
    }
  }
});

Deno.test("id and tuple do not depend on the order of attributes, and not on where the ports stand", () => {
  const reading = new Reading();
  for (const row of [TCP, TCP6, ICMP, GRE]) {
    const reversed = Object.fromEntries(Object.entries(row).toReversed());
    assert.deepEqual(reading.identityOf(reversed), reading.identityOf(row));
  }
  const { "src-address": _s, "dst-address": _d, ...others } = TCP;
  const [source, destination] = [{ "src-address": "192.168.88.10" }, { "dst-address": "142.250.185.78" }];
  const apart = { ...others, "src-port": "51234", "dst-port": "443", ...source, ...destination };
  assert.deepEqual(reading.identityOf(apart), reading.identityOf(TCP));
  const { "src-port": _p, ...others6 } = TCP6, together = `[${TCP6["src-address"]}]:${TCP6["src-port"]}`;
  assert.deepEqual(reading.identityOf({ ...others6, "src-address": together }), reading.identityOf(TCP6));
});

Deno.test("id and tuple are others when a protocol, an address, a port, an ICMP id or a GRE key is another", () => {
  const reading = new Reading();
  for (const row of [TCP, TCP6, ICMP, GRE]) {
    const changed = [row, ...OTHER.map((change) => ({ ...row, ...change }))];
    const all = changed.map((row) => reading.identityOf(row));
    assert.equal(new Set(all.map(([id]) => id)).size, changed.length);
    assert.equal(new Set(all.map(([, tuple]) => tuple)).size, changed.length);
  }
});

Deno.test("id and tuple depend on each group of each address of IPv6, and on which end has it", () => {
  const reading = new Reading(), seen = new Set<number>(), seenTuples = new Set<number>();
  let count = 0;
  for (const end of ["src-address", "dst-address"]) {
    for (let group = 0; group < 8; group++) {
      for (const value of ["1", "2", "8000", "ffff"]) {
        const address = new Array<string>(8).fill("0").with(group, value).join(":");
        const [id, tuple] = reading.identityOf({
          ...TCP6,
          "src-address": "::",
          "dst-address": "::",
          [end]: address,
        });
        seen.add(id);
        seenTuples.add(tuple);
        count++;
      }
    }
  }
  assert.deepEqual([seen.size, seenTuples.size], [count, count]);
});

Deno.test("id and tuple are those of before when the vocabulary has begun anew", () => {
  const vocabulary = new Vocabulary(0), reading = new Reading({ vocabulary });
  const identities = [TCP, TCP6, ICMP].map((row) => reading.identityOf(row));
  for (let generation = 1; generation < 5; generation++) {
    // Addresses and texts get other numbers than before.
    vocabulary.forgetIfFull();
    for (let i = 0; i < generation; i++) reading.read(`=src-address=2001:db8::${i}`, `=protocol=other${i}`);
    assert.equal(vocabulary.generation, generation);
    assert.deepEqual([TCP, TCP6, ICMP].map((row) => reading.identityOf(row)), identities);
    assert.deepEqual(reading.read(...wordsOf(TCP6)), naive(TCP6));
  }
});

Deno.test("id and tuple are others for each seed", () => {
  for (const row of [TCP, TCP6, ICMP, GRE, {}]) {
    const all = Array.from({ length: 1000 }, (_, i) => new Reading({ seed: 7919 * i }).identityOf(row));
    assert.equal(new Set(all.map(([id]) => id)).size, all.length);
    assert.equal(new Set(all.map(([, tuple]) => tuple)).size, all.length);
  }
});

Deno.test("id and tuple together tell the connections of a large table apart, and spread them evenly", () => {
  const reading = new Reading(),
    count = 100_000,
    names = attributesOf(IDENTITY),
    table = manyConnections(count);
  const told = new Set<string>(), identities = new Set<string>(), ids = new Set<number>();
  const spread = new Uint32Array(256);
  for (const row of rowsOf(table)) {
    const words = names.filter((name) => name in row).map((name) => `=${name}=${row[name]}`),
      key = words.join();
    if (told.has(key)) continue;
    told.add(key);
    reading.reader.read(sentence(words), reading.row);
    const { id, tuple } = reading.reader;
    identities.add(`${id} ${tuple}`);
    ids.add(id);
    spread[id & 255]!++;
  }
  assert.equal(identities.size, told.size);
  assert(ids.size > told.size - 20, `${told.size - ids.size} of the same id`);
  const mean = told.size / 256;
  assert(
    spread.every((n) => n > 0.7 * mean && n < 1.3 * mean),
    `${Math.min(...spread)} to ${Math.max(...spread)}`,
  );
});

const SENTENCES = new RouterosSentences();

/** As `sentenceOf()`, always in the same buffer. */
function sentence(words: readonly Word[]): RouterosSentences {
  const bytes = encodeSentence(["!re", ...words]);
  SENTENCES.room().set(bytes);
  SENTENCES.received(bytes.length);
  assert(SENTENCES.next());
  return SENTENCES;
}

Deno.test("attributesOf() asks for each attribute when all columns are wanted", () => {
  assert.deepEqual(attributesOf(CONNECTION_COLUMNS), NAMES);
});

Deno.test("attributesOf() asks for what a column is made of, once and in a fixed order", () => {
  const cases: readonly (readonly [columns: readonly ConnectionColumn[], attributes: readonly string[]])[] = [
    [[], []],
    [["router", "family"], []],
    [["active"], ["protocol", "tcp-state", "seen-reply"]],
    [["active", "protocol", "seen_reply", "active"], ["protocol", "tcp-state", "seen-reply"]],
    [["src_port"], ["src-address", "src-port"]],
    [["dst_port"], ["dst-address", "dst-port"]],
    [["reply_src_port"], ["reply-src-address", "reply-src-port"]],
    [["reply_dst_port"], ["reply-dst-address", "reply-dst-port"]],
    [["src_address"], ["src-address"]],
    [["src_port", "src_address", "protocol"], ["protocol", "src-address", "src-port"]],
    [["timeout_seconds", "orig_bytes", "dying"], ["dying", "timeout", "orig-bytes"]],
    [IDENTITY, ["protocol", "src-address", "src-port", "dst-address", "dst-port", "icmp-id", "gre-key"]],
  ];
  for (const [columns, attributes] of cases) assert.deepEqual(attributesOf(columns), attributes);
});

Deno.test("attributesOf() asks for all that a column is read from, whatever else is told", () => {
  for (const row of [TCP, TCP6, ICMP, GRE]) {
    const all = read(...wordsOf(row));
    for (const column of CONNECTION_COLUMNS) {
      const wanted = attributesOf([column]),
        few = Object.entries(row).filter(([name]) => wanted.includes(name));
      assert.equal(read(...wordsOf(Object.fromEntries(few)))[column], all[column], column);
    }
  }
});

Deno.test("COUNTERS are the packets and bytes of both directions, and those on the fast track", () => {
  assert.deepEqual(CONNECTION_COLUMNS.slice(COUNTERS.from, COUNTERS.from + COUNTERS.count), [
    ...["orig_packets", "orig_bytes", "repl_packets", "repl_bytes"],
    ...["orig_fasttrack_packets", "orig_fasttrack_bytes", "repl_fasttrack_packets", "repl_fasttrack_bytes"],
  ]);
});

Deno.test("A row that is cut short anywhere is no sentence", () => {
  for (const row of [TCP, TCP6]) {
    const bytes = encodeSentence(["!re", ...wordsOf(row), ".tag=1"]);
    for (let length = 0; length < bytes.length; length++) {
      const sentences = new RouterosSentences();
      sentences.room().set(bytes.subarray(0, length));
      sentences.received(length);
      assert.equal(sentences.next(), false);
      assert.deepEqual([sentences.fault, sentences.hasRest], [undefined, length > 0]);
    }
  }
});

Deno.test("read() reads the whole attributes of a row whose last one is cut short", () => {
  const reading = new Reading();
  for (const row of [TCP, TCP6, ICMP, GRE]) {
    const words = wordsOf(row);
    for (const [count, word] of words.entries()) {
      const kept = Object.fromEntries(Object.entries(row).slice(0, count));
      const before = { ...blankBut(), ...naive({ timeout: "", ...kept }) };
      if (!("timeout" in kept)) before.timeout_seconds = NaN;
      for (let length = 1; length < word.length; length++) {
        const cut = reading.read(...words.slice(0, count), word.slice(0, length));
        const name = word.slice(1, word.indexOf("=", 1)).replaceAll("-", "_");
        const own = [name, `${name}_seconds`, name.replace("address", "port"), "active"];
        for (const column of CONNECTION_COLUMNS) {
          if (!own.includes(column)) assert.equal(cut[column], before[column], `${column} of ${word}`);
        }
      }
    }
  }
});

/** Changes bytes of the words of a sentence, and where some end. */
function mutate(sentence: RouterosSentences, random: Random): void {
  const { bytes, starts, ends, words } = sentence, from = starts[0]!, to = ends[words - 1]!;
  for (let times = 1 + random.int(4); times > 0; times--) {
    const at = from + random.int(to - from), letters = "=:./[]%-0123456789abcdefxkMsd";
    bytes[at] = random.int(2) ? random.int(256) : letters.charCodeAt(random.int(letters.length));
  }
  if (random.int(2)) {
    const word = random.int(words);
    ends[word] = starts[word]! + 1 + random.int(ends[word]! - starts[word]!);
  }
}

property("read() throws for no row, and reads a good one after any other", (random) => {
  const rows = [TCP, TCP6, ICMP, ...rowsOf(manyConnections(20))];
  const bad = rows.map((row) => {
    const sentence = sentenceOf(...wordsOf(row));
    return { sentence, bytes: sentence.bytes.slice(0, 1500), ends: sentence.ends.slice() };
  });
  const good = sentenceOf(...wordsOf(TCP6)),
    vocabulary = new Vocabulary(1000),
    reading = new Reading({ vocabulary });
  const { reader, row } = reading;
  for (let round = 0; round < 300; round++) {
    vocabulary.forgetIfFull();
    const fresh = new Reading({ vocabulary });
    fresh.reader.read(good, fresh.row);
    assert.deepEqual(fresh.plain(), naive(TCP6));
    for (let times = 0; times < 1000; times++) {
      const { sentence, bytes, ends } = random.pick(bad);
      mutate(sentence, random);
      reader.read(sentence, row);
      for (const flag of FLAGS) assert(row[CONNECTION[flag]] === 0 || row[CONNECTION[flag]] === 1);
      sentence.bytes.set(bytes);
      sentence.ends.set(ends);
      reader.read(good, row);
      for (let i = 0; i < row.length; i++) assert(Object.is(row[i], fresh.row[i]), CONNECTION_COLUMNS[i]!);
      assert(reader.id === fresh.reader.id && reader.tuple === fresh.reader.tuple);
    }
  }
  assert(reader.malformed > 10_000);
});
