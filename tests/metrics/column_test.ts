import assert from "node:assert/strict";
import type { Value } from "../../core/enricher.ts";
import { Ip } from "../../core/ip.ts";
import { recordType } from "../../core/record.ts";
import { Vocabulary } from "../../core/vocabulary.ts";
import { BATCH, Batch } from "../../metrics/batch.ts";
import type { Column } from "../../metrics/column.ts";
import { Columns } from "../../metrics/columns.ts";
import { property } from "../helpers/random.ts";

const { fields: FIELDS, at: AT } = recordType({
  name: "sockets",
  help: "Sockets",
  kind: "snapshot",
  fields: {
    host: { type: "ip", help: "Address" },
    port: { type: "number", max: 65535, help: "Port" },
    bytes: { type: "number", help: "Bytes" },
    name: { type: "text", help: "Name" },
    state: { type: "choice", choices: ["LISTEN", "ESTABLISHED"], help: "State" },
  },
});
const LIMIT = 131_072;
/** Smaller whole numbers are not remembered. */
const LARGE = 1024;

type FieldName = keyof typeof FIELDS;

/** Columns with what reads a record of a few fields into them, the others absent. */
function columnsOf(vocabulary = new Vocabulary()) {
  const batch = new Batch(), columns = new Columns({ fields: FIELDS, vocabulary, batch });
  const row = new Float64Array(Object.keys(FIELDS).length);
  return {
    columns,
    vocabulary,
    read(values: { readonly [K in FieldName]?: number }) {
      row.fill(NaN);
      for (const [name, value] of Object.entries(values)) row[AT[name as FieldName]] = value;
      batch.size = 0;
      columns.makeRoom();
      batch.add(row);
      columns.read({ from: 0, to: 1 });
    },
    idIn: (column: Column) => columns.ids[column.index * BATCH]!,
  };
}

/** Notes what a table is told. */
function tableOf(column: Column) {
  const table = {
    capacity: 0,
    forgotten: 0,
    grow: (n: number) => void (table.capacity = n),
    forget: () => void table.forgotten++,
  };
  column.attach(table);
  return table;
}

const V6 = Ip.parse("2001:db8::1")!;

const VALUES: readonly { field: FieldName; number: (vocabulary: Vocabulary) => number; text: string }[] = [
  { field: "host", number: () => 0x0a000001, text: "10.0.0.1" },
  { field: "host", number: () => 0, text: "0.0.0.0" },
  { field: "host", number: (vocabulary) => vocabulary.ip(V6), text: "2001:db8::1" },
  { field: "port", number: () => 0, text: "0" },
  { field: "port", number: () => 65535, text: "65535" },
  { field: "bytes", number: () => 2 ** 53, text: "9007199254740992" },
  { field: "bytes", number: () => -0.5, text: "-0.5" },
  { field: "name", number: (vocabulary) => vocabulary.text("nginx"), text: "nginx" },
  { field: "name", number: (vocabulary) => vocabulary.text(""), text: "" },
  { field: "state", number: () => 1, text: "ESTABLISHED" },
];

for (const { field, number, text } of VALUES) {
  Deno.test(`a column gives back ${JSON.stringify(text)} of the field ${field}`, () => {
    const { columns, vocabulary, read, idIn } = columnsOf(), column = columns.of([field]);
    read({ [field]: number(vocabulary) });
    assert.equal(String(column.valueOf(idIn(column))), text);
  });

  Deno.test(`find() finds ${JSON.stringify(text)} of the field ${field}`, () => {
    const { columns, vocabulary, read, idIn } = columnsOf(), column = columns.of([field]);
    read({ [field]: number(vocabulary) });
    assert.equal(column.find(column.valueOf(idIn(column))!), idIn(column));
  });

  Deno.test(`numberOf() gives the number in the row for ${JSON.stringify(text)} of the field ${field}`, () => {
    const { columns, vocabulary, read, idIn } = columnsOf(), column = columns.of([field]);
    read({ [field]: number(vocabulary) });
    assert.equal(column.numberOf(idIn(column)), number(vocabulary));
  });
}

for (const field of Object.keys(FIELDS) as FieldName[]) {
  Deno.test(`a column has the id 0 where the field ${field} is absent`, () => {
    const { columns, read, idIn } = columnsOf(), column = columns.of([field]);
    read({ [field]: 1 });
    read({});
    assert.equal(idIn(column), 0);
  });

  Deno.test(`a column has no value where the field ${field} is absent`, () => {
    assert.equal(columnsOf().columns.of([field]).valueOf(0), undefined);
  });
}

for (const number of [-1, 65536, 2 ** 31, 2 ** 32 - 1, 2 ** 32 + 53, 1e10, Infinity, -Infinity]) {
  Deno.test(`a column of a field with a maximum takes ${number} as absent`, () => {
    const { columns, read, idIn } = columnsOf(), column = columns.of(["port"]);
    read({ port: number });
    assert.equal(idIn(column), 0);
  });
}

property("a column gives equal values equal ids and others others", (random) => {
  for (const field of ["host", "port", "bytes", "name"] as const) {
    const { columns, read, idIn } = columnsOf(), column = columns.of([field]);
    const byNumber = new Map<number, number>();
    for (let i = 0; i < 2000; i++) {
      const number = random.int(500);
      read({ [field]: number });
      assert.equal(byNumber.get(number) ?? idIn(column), idIn(column));
      byNumber.set(number, idIn(column));
    }
    assert.equal(new Set(byNumber.values()).size, byNumber.size);
  }
});

const IDENTITIES = [
  { fields: ["host"], identity: "ipv4" },
  { fields: ["port"], identity: "number" },
  { fields: ["bytes"], identity: "number" },
  { fields: ["name"], identity: "none" },
  { fields: ["state"], identity: "none" },
  { fields: ["host", "port"], identity: "none" },
  { fields: [], identity: "none" },
];

for (const { fields, identity } of IDENTITIES) {
  Deno.test(`the identity of the column of [${fields}] is ${identity}`, () => {
    assert.equal(columnsOf().columns.of(fields).identity, identity);
  });
}

Deno.test("of() gives the same column for the same fields", () => {
  const { columns } = columnsOf();
  assert.equal(columns.of(["host", "port"]), columns.of(["host", "port"]));
});

Deno.test("of() gives another column for the fields in another order", () => {
  const { columns } = columnsOf();
  assert.notEqual(columns.of(["host", "port"]), columns.of(["port", "host"]));
});

Deno.test("of() gives each column an index of its own", () => {
  const { columns } = columnsOf();
  const names = Object.keys(FIELDS);
  const all = [[], ...names.map((name) => [name]), ...names.map((name) => [name, "port"])];
  assert.equal(new Set(all.map((fields) => columns.of(fields).index)).size, all.length);
});

Deno.test("read() fills the ids of more columns than there were at first", () => {
  const { columns, read, idIn } = columnsOf(), names = Object.keys(FIELDS);
  const pairs = names.flatMap((a) => names.map((b) => columns.of([a, b])));
  read({ port: 53, bytes: 1500 });
  const portAndBytes = columns.of(["port", "bytes"]);
  assert.deepEqual(portAndBytes.valueOf(idIn(portAndBytes)), [53, 1500]);
  assert(columns.ids.length >= pairs.length);
});

const PAIRS = [
  { record: { host: 0x0a000001, port: 53 }, value: ["10.0.0.1", "53"] },
  { record: { host: 0x0a000001 }, value: ["10.0.0.1", "undefined"] },
  { record: { port: 53 }, value: ["undefined", "53"] },
];

for (const { record, value } of PAIRS) {
  Deno.test(`a column of two fields has the value [${value}]`, () => {
    const { columns, read, idIn } = columnsOf(), column = columns.of(["host", "port"]);
    read(record);
    assert.deepEqual([...column.valueOf(idIn(column)) as unknown[]].map(String), value);
  });

  Deno.test(`find() finds the value [${value}] of two fields`, () => {
    const { columns, read, idIn } = columnsOf(), column = columns.of(["host", "port"]);
    read({ host: 1, port: 1 });
    read(record);
    assert.equal(column.find(column.valueOf(idIn(column))!), idIn(column));
  });
}

Deno.test("a column of two fields has no value where both are absent", () => {
  const { columns, read, idIn } = columnsOf(), column = columns.of(["host", "port"]);
  read({});
  assert.equal(column.valueOf(idIn(column)), undefined);
});

Deno.test("a column of no field is always absent", () => {
  const { columns, read, idIn } = columnsOf(), column = columns.of([]);
  read({ host: 1, port: 1 });
  assert.deepEqual([idIn(column), column.valueOf(0), column.find("a")], [0, undefined, 0]);
});

const UNKNOWN = [
  { fields: ["host"], value: Ip.v4(1) },
  { fields: ["host"], value: [1, 2] },
  { fields: ["bytes"], value: LARGE },
  { fields: ["state"], value: "CLOSED" },
  { fields: ["host", "port"], value: [Ip.v4(1), 53] },
  { fields: ["host", "port"], value: 53 },
];

for (const { fields, value } of UNKNOWN) {
  Deno.test(`find() gives 0 for [${value}], which the column of [${fields}] has not seen`, () => {
    assert.equal(columnsOf().columns.of(fields).find(value), 0);
  });
}

Deno.test("attach() tells a table the present capacity", () => {
  const column = columnsOf().columns.of(["port"]);
  assert.equal(tableOf(column).capacity, column.capacity);
});

for (const fields of [["host"], ["bytes"], ["port"], ["name"], ["host", "port"]]) {
  Deno.test(`the tables of the column of [${fields}] have room for every id`, () => {
    const { columns, read, idIn } = columnsOf(), column = columns.of(fields), table = tableOf(column);
    for (let i = 0; i < 3000; i++) {
      read({ host: i, bytes: i, port: i, name: i });
      assert(idIn(column) < table.capacity);
    }
  });
}

for (const field of ["host", "bytes"] as const) {
  Deno.test(`a column of ${field} remembers ${LIMIT} values`, () => {
    const { columns, read } = columnsOf(), table = tableOf(columns.of([field]));
    for (let i = 0; i < LIMIT; i++) read({ [field]: LARGE + i });
    assert.equal(table.forgotten, 0);
  });

  Deno.test(`a column of ${field} forgets when there is one value more`, () => {
    const { columns, read, idIn } = columnsOf(), column = columns.of([field]), table = tableOf(column);
    for (let i = 0; i <= LIMIT; i++) read({ [field]: LARGE + i });
    assert.deepEqual([table.forgotten, column.numberOf(idIn(column))], [1, LARGE + LIMIT]);
    assert.equal(column.find(LARGE), 0);
  });
}

Deno.test("a column of small whole numbers forgets none of them", () => {
  const { columns, read, idIn } = columnsOf(), column = columns.of(["bytes"]), ids = new Set<number>();
  for (let i = 0; i < 10 * LARGE; i++) {
    read({ bytes: i % LARGE });
    ids.add(idIn(column));
    assert.equal(column.valueOf(idIn(column)), i % LARGE);
  }
  assert.equal(ids.size, LARGE);
});

Deno.test("a column tells small, large, broken and negative numbers apart", () => {
  const { columns, read, idIn } = columnsOf(), column = columns.of(["bytes"]);
  const numbers = [0, 1, 1.5, LARGE - 1, LARGE, -1, 2 ** 40, 0.5];
  const ids = numbers.map((bytes) => {
    read({ bytes });
    return idIn(column);
  });
  assert.equal(new Set(ids).size, numbers.length);
  assert.deepEqual(ids.map((id) => column.numberOf(id)), numbers);
  assert.deepEqual(numbers.map((number) => column.find(number)), ids);
});

Deno.test("a column of two fields forgets when one of them does", () => {
  const { columns, read, idIn } = columnsOf();
  columns.of(["host"]);
  for (let i = 0; i < LIMIT; i++) read({ host: i });
  const column = columns.of(["host", "port"]), table = tableOf(column);
  read({ host: 0, port: 1 });
  read({ host: LIMIT, port: 1 });
  assert.deepEqual([table.forgotten, String(column.valueOf(idIn(column)))], [1, `${Ip.v4(LIMIT)},1`]);
});

Deno.test("a column of two fields forgets when it has seen too many pairs", () => {
  const { columns, read, idIn } = columnsOf(), column = columns.of(["bytes", "port"]);
  const pairs = tableOf(column), single = tableOf(columns.of(["bytes"]));
  for (let i = 0; i <= LIMIT; i++) read({ bytes: i >> 8, port: i & 255 });
  assert.deepEqual([pairs.forgotten, single.forgotten], [1, 0]);
  assert.deepEqual(column.valueOf(idIn(column)), [LIMIT >> 8, 0]);
});

const GENERATIONS = [
  { fields: ["name"], forgotten: 1 },
  { fields: ["host"], forgotten: 1 },
  { fields: ["host", "port"], forgotten: 1 },
  { fields: ["port", "host"], forgotten: 1 },
  { fields: ["port"], forgotten: 0 },
  { fields: ["bytes"], forgotten: 0 },
  { fields: ["state"], forgotten: 0 },
];

for (const { fields, forgotten } of GENERATIONS) {
  Deno.test(`the column of [${fields}] forgets ${forgotten} times when the vocabulary does once`, () => {
    const { columns, vocabulary, read } = columnsOf(new Vocabulary(0)), table = tableOf(columns.of(fields));
    read({ name: vocabulary.text("a"), host: 1, port: 1 });
    vocabulary.forgetIfFull();
    read({ name: vocabulary.text("b"), host: 1, port: 1 });
    read({ name: vocabulary.text("b"), host: 1, port: 1 });
    assert.equal(table.forgotten, forgotten);
  });
}

Deno.test("a column gives the value of the new generation when the vocabulary has forgotten", () => {
  const { columns, vocabulary, read, idIn } = columnsOf(new Vocabulary(0)), column = columns.of(["name"]);
  read({ name: vocabulary.text("a") });
  vocabulary.forgetIfFull();
  read({ name: vocabulary.text("b") });
  assert.equal(column.valueOf(idIn(column)), "b");
});

/** All that matters of a number or an address. */
function parityOf(value: Value): string | undefined {
  const number = value instanceof Ip ? value.toNumber() : value;
  return typeof number === "number" ? (number % 2 === 0 ? "even" : "odd") : undefined;
}

function textsOf(value: Value | undefined): string[] | undefined {
  return (value as readonly unknown[] | undefined)?.map(String);
}

Deno.test("a column of parts has few ids although the fields have many values", () => {
  const { columns, read, idIn } = columnsOf(), column = columns.of(["host", "bytes"], parityOf);
  const ids = new Set<number>(), VALUES = 10_000;
  for (let i = 0; i < 4 * VALUES; i++) {
    const host = i % VALUES, bytes = (i * 7919 + Math.floor(i / VALUES)) % VALUES;
    read({ host, bytes });
    ids.add(idIn(column));
    assert.deepEqual(column.valueOf(idIn(column)), [parityOf(host), parityOf(bytes)]);
  }
  assert.deepEqual([...ids].toSorted(), [1, 2, 3, 4]);
});

const PARTS = [
  { record: { host: 2, bytes: 3 }, value: ["even", "odd"] },
  { record: { host: 3 }, value: ["odd", "undefined"] },
  { record: { bytes: 3 }, value: ["undefined", "odd"] },
  { record: {}, value: undefined },
];

for (const { record, value } of PARTS) {
  Deno.test(`a column of parts has the value [${value}] of ${JSON.stringify(record)}`, () => {
    const { columns, read, idIn } = columnsOf(), column = columns.of(["host", "bytes"], parityOf);
    read({ host: 1, bytes: 1 });
    read(record);
    assert.deepEqual(textsOf(column.valueOf(idIn(column))), value);
  });
}

for (const record of [{ host: 2, bytes: 3 }, { host: 3 }, { bytes: 3 }]) {
  Deno.test(`find() finds the parts of ${JSON.stringify(record)}`, () => {
    const { columns, read, idIn } = columnsOf(), column = columns.of(["host", "bytes"], parityOf);
    read({ host: 1, bytes: 1 });
    read(record);
    assert.equal(column.find(column.valueOf(idIn(column))!), idIn(column));
  });
}

Deno.test("find() gives 0 for parts that the column has not seen", () => {
  const { columns, read } = columnsOf(), column = columns.of(["host", "bytes"], parityOf);
  read({ host: 1, bytes: 1 });
  assert.deepEqual([["even", "odd"], ["odd", "round"], "odd"].map((value) => column.find(value)), [0, 0, 0]);
});

Deno.test("a column of parts takes a value of which nothing matters as absent", () => {
  const { columns, vocabulary, read, idIn } = columnsOf(), column = columns.of(["name", "bytes"], parityOf);
  read({ name: vocabulary.text("a"), bytes: 1 });
  assert.deepEqual(column.valueOf(idIn(column)), [undefined, "odd"]);
  read({ name: vocabulary.text("a") });
  assert.equal(column.valueOf(idIn(column)), undefined);
});

Deno.test("a column of parts takes a choice that is none as absent", () => {
  const { columns, read, idIn } = columnsOf(), column = columns.of(["state", "port"], (value) => value);
  read({ state: 7, port: 1 });
  assert.deepEqual(column.valueOf(idIn(column)), [undefined, 1]);
});

Deno.test("of() gives the same column for the same fields with the same part", () => {
  const { columns } = columnsOf();
  assert.equal(columns.of(["host", "bytes"], parityOf), columns.of(["host", "bytes"], parityOf));
});

Deno.test("of() gives other columns for other fields, another part and no part", () => {
  const { columns } = columnsOf(), other = (value: Value) => parityOf(value);
  const all = [
    columns.of(["host", "bytes"], parityOf),
    columns.of(["bytes", "host"], parityOf),
    columns.of(["host", "port"], parityOf),
    columns.of(["host", "bytes"], other),
    columns.of(["host", "bytes"]),
  ];
  assert.equal(new Set(all.map(({ index }) => index)).size, all.length);
});

Deno.test("columns of different parts of the same fields do not mix them up", () => {
  const { columns, read, idIn } = columnsOf();
  const last = (value: Value) => String(value).at(-1);
  const all = [columns.of(["host", "bytes"], parityOf), columns.of(["host", "bytes"], last)];
  all.push(columns.of(["host", "bytes"]));
  read({ host: 0x0a000007, bytes: 128 });
  assert.deepEqual(all.map((column) => textsOf(column.valueOf(idIn(column)))), [
    ["odd", "even"],
    ["7", "8"],
    ["10.0.0.7", "128"],
  ]);
});

Deno.test("a column of parts asks for the part of a value once", () => {
  const asked: string[] = [];
  const { columns, read } = columnsOf();
  columns.of(["host", "port"], (value) => {
    asked.push(String(value));
    return parityOf(value);
  });
  for (let i = 0; i < 300; i++) read({ host: i % 3, port: 80 });
  assert.deepEqual(asked.toSorted(), ["0.0.0.0", "0.0.0.1", "0.0.0.2", "80"]);
});

Deno.test("parts with the same text are one", () => {
  const { columns, read, idIn } = columnsOf();
  const column = columns.of(["host", "bytes"], (value) => value instanceof Ip ? value.masked(8) : undefined);
  const ids = [0x0a000001, 0x0a000002, 0x0b000001].map((host) => {
    read({ host });
    return idIn(column);
  });
  assert.deepEqual(ids, [1, 1, 2]);
});

Deno.test("the tables of a column of parts have room for every id", () => {
  const { columns, read, idIn } = columnsOf(),
    column = columns.of(["host", "port"], (value) => String(value));
  const table = tableOf(column);
  for (let i = 0; i < 3000; i++) {
    read({ host: i, port: i });
    assert(idIn(column) < table.capacity);
    assert.deepEqual(column.valueOf(idIn(column)), [`${Ip.v4(i)}`, `${i}`]);
  }
});

Deno.test("a column of parts forgets nothing when the columns of its fields do", () => {
  const { columns, read, idIn } = columnsOf(), column = columns.of(["host", "bytes"], parityOf);
  const pairs = tableOf(column),
    hosts = tableOf(columns.of(["host"])),
    bytes = tableOf(columns.of(["bytes"]));
  const ids = new Set<number>();
  for (let i = 0; i < 2 * LIMIT + 10; i++) {
    // After the columns have forgotten, the ids of even numbers are those of odd ones.
    const host = i < LIMIT ? i : i + 1, number = LARGE + (i < LIMIT + 1000 ? i + 1 : i);
    read({ host, bytes: number });
    ids.add(idIn(column));
    const [first, second] = column.valueOf(idIn(column)) as readonly Value[];
    if (first !== parityOf(host) || second !== parityOf(number)) assert.fail(`Record ${i}`);
  }
  assert.deepEqual([pairs.forgotten, hosts.forgotten, bytes.forgotten], [0, 2, 2]);
  assert.deepEqual([...ids].toSorted(), [1, 2, 3, 4]);
});

Deno.test("a column of parts forgets nothing when the vocabulary does, and asks anew", () => {
  const { columns, vocabulary, read, idIn } = columnsOf(new Vocabulary(0));
  const column = columns.of(["name", "host"], (value) => String(value).length), table = tableOf(column);
  const host = () => vocabulary.ip(V6), values: unknown[] = [];
  for (const name of ["a", "bbb", "a", "cc"]) {
    read({ name: vocabulary.text(name), host: host() });
    values.push(column.valueOf(idIn(column)));
    vocabulary.forgetIfFull();
  }
  assert.deepEqual(values, [[1, 11], [3, 11], [1, 11], [2, 11]]);
  assert.equal(table.forgotten, 0);
});

property("a column of parts tells what its part says, whatever the columns have seen", (random) => {
  for (let i = 0; i < 20; i++) {
    const limit = random.pick([0, 20, 1000]),
      { columns, vocabulary, read, idIn } = columnsOf(new Vocabulary(limit));
    const parts = [2, 3, 10].map((n) => (value: Value) => {
      const number = String(value).length % n;
      return number === 1 ? undefined : number;
    });
    const all = Array.from({ length: 4 }, () => {
      const fields = [random.pick(["host", "name", "port"]), random.pick(["bytes", "name", "host"])];
      const part = random.pick(parts);
      return { fields, part, column: columns.of(fields, part) };
    });
    for (let n = 0; n < 500; n++) {
      const value: Record<string, Value | undefined> = {
        host: random.int(5) === 0 ? undefined : random.int(2) === 0 ? V6 : Ip.v4(random.int(2 ** 32)),
        name: random.int(5) === 0 ? undefined : "x".repeat(random.int(30)),
        port: random.int(5) === 0 ? undefined : random.int(65_536),
        bytes: random.int(5) === 0 ? undefined : random.int(1e6) / 2,
      };
      const { host, name, port, bytes } = value;
      vocabulary.forgetIfFull();
      read({
        host: host instanceof Ip ? vocabulary.ip(host) : NaN,
        name: typeof name === "string" ? vocabulary.text(name) : NaN,
        port: typeof port === "number" ? port : NaN,
        bytes: typeof bytes === "number" ? bytes : NaN,
      });
      for (const { fields, part, column } of all) {
        const both = fields.map((field) => value[field] === undefined ? undefined : part(value[field]));
        const isNothing = both.every((each) => each === undefined);
        assert.deepEqual(column.valueOf(idIn(column)), isNothing ? undefined : both);
      }
    }
  }
});
