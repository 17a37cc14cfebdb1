import assert from "node:assert/strict";
import { Ip } from "../../core/ip.ts";
import { recordType } from "../../core/record.ts";
import { Vocabulary } from "../../core/vocabulary.ts";
import { type Column, Columns } from "../../metrics/column.ts";
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

type FieldName = keyof typeof FIELDS;

/** Columns with what reads a record of a few fields into them, the others absent. */
function columnsOf(vocabulary = new Vocabulary()) {
  const columns = new Columns(FIELDS, vocabulary);
  const row = new Float64Array(Object.keys(FIELDS).length);
  return {
    columns,
    vocabulary,
    read(values: { readonly [K in FieldName]?: number }) {
      row.fill(NaN);
      for (const [name, value] of Object.entries(values)) row[AT[name as FieldName]] = value;
      columns.read(row);
    },
    idIn: (column: Column) => columns.ids[column.index]!,
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
  { fields: ["bytes"], value: 5 },
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
    for (let i = 0; i < LIMIT; i++) read({ [field]: i });
    assert.equal(table.forgotten, 0);
  });

  Deno.test(`a column of ${field} forgets when there is one value more`, () => {
    const { columns, read, idIn } = columnsOf(), column = columns.of([field]), table = tableOf(column);
    for (let i = 0; i <= LIMIT; i++) read({ [field]: i });
    assert.deepEqual([table.forgotten, idIn(column), column.numberOf(1)], [1, 1, LIMIT]);
  });
}

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
