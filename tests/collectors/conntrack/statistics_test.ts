import assert from "node:assert/strict";
import { Statistics } from "../../../collectors/conntrack/statistics.ts";

const NETFILTER = "sys/net/netfilter", STAT = "net/stat/nf_conntrack";

/** Statistics of a procfs that has these files. */
function withFiles(
  files: Readonly<Record<string, string>>,
  body: (statistics: Statistics, procfs: string) => void,
): void {
  const procfs = Deno.makeTempDirSync();
  try {
    for (const folder of [NETFILTER, "net/stat"]) Deno.mkdirSync(`${procfs}/${folder}`, { recursive: true });
    for (const [path, text] of Object.entries(files)) Deno.writeTextFileSync(`${procfs}/${path}`, text);
    body(new Statistics(procfs), procfs);
  } finally {
    Deno.removeSync(procfs, { recursive: true });
  }
}

Deno.test("entries and limit are the numbers of the files", () => {
  const files = {
    [`${NETFILTER}/nf_conntrack_count`]: "12\n",
    [`${NETFILTER}/nf_conntrack_max`]: "262144\n",
  };
  withFiles(files, (statistics) => {
    assert.deepEqual([statistics.entries, statistics.limit], [12, 262_144]);
  });
});

for (const text of [undefined, "", "\n", "many\n"]) {
  const what = text === undefined ? "not there" : JSON.stringify(text);
  Deno.test(`Nothing is known of a table whose files are ${what}`, () => {
    const names = ["nf_conntrack_count", "nf_conntrack_max", "nf_conntrack_acct"];
    const files = names.map((name) => [`${NETFILTER}/${name}`, text]).filter(([, text]) =>
      text !== undefined
    );
    withFiles(Object.fromEntries(files), (statistics) => {
      assert.deepEqual([statistics.entries, statistics.limit, statistics.accounting], [NaN, NaN, undefined]);
    });
  });
}

for (const { text, accounting } of [{ text: "0\n", accounting: false }, { text: "1\n", accounting: true }]) {
  Deno.test(`accounting is ${accounting} when the switch says ${text.trim()}`, () => {
    withFiles({ [`${NETFILTER}/nf_conntrack_acct`]: text }, (statistics) => {
      assert.equal(statistics.accounting, accounting);
    });
  });
}

Deno.test("switchAccountingOn() writes 1 to the switch", () => {
  const path = `${NETFILTER}/nf_conntrack_acct`;
  withFiles({ [path]: "0\n" }, (statistics, procfs) => {
    statistics.switchAccountingOn();
    assert.equal(Deno.readTextFileSync(`${procfs}/${path}`), "1\n");
    assert.equal(statistics.accounting, true);
  });
});

Deno.test("switchAccountingOn() makes no switch where there is none", () => {
  withFiles({}, (statistics, procfs) => {
    assert.throws(() => statistics.switchAccountingOn(), Deno.errors.NotFound);
    assert.deepEqual([...Deno.readDirSync(`${procfs}/${NETFILTER}`)], []);
  });
});

Deno.test("perCpu() gives what each processor has counted", () => {
  withFiles({ [STAT]: "entries  clashres drop\n00000019 00000001 000000ff\n00000019 00000000 00000010\n" }, (
    statistics,
  ) =>
    assert.deepEqual(statistics.perCpu(), {
      cpus: [{ entries: 25, clashres: 1, drop: 255 }, { entries: 25, clashres: 0, drop: 16 }],
      malformed: 0,
    }));
});

Deno.test("perCpu() gives none where there is no file", () => {
  withFiles({}, (statistics) => assert.deepEqual(statistics.perCpu(), { cpus: [], malformed: 0 }));
  assert.deepEqual(new Statistics("/nonexistent").perCpu(), { cpus: [], malformed: 0 });
});
