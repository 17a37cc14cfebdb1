import assert from "node:assert/strict";
import { InterfaceNames } from "../../../core/interface_names.ts";
import type { Lookup } from "../../../core/enricher.ts";
import { Ip } from "../../../core/ip.ts";
import { type Literal, nodeOf, Problems } from "../../../core/node.ts";
import { record } from "../../../core/shape.ts";
import { maxmindAsn, maxmindCountry } from "../../../enrich/maxmind/mod.ts";
import { Log } from "../../../core/log.ts";
import { mmdb } from "../../helpers/mmdb.ts";

function database(code: string): Uint8Array<ArrayBuffer> {
  return mmdb({ "8.0.0.0/8": { country_code: code, as_name: code } });
}

/** An enricher at work on a file, and what happens to it. */
class Work {
  readonly #changes: (() => void)[] = [];
  readonly #lines: string[] = [];
  readonly #waiting: { readonly text: string; readonly resolve: () => void }[] = [];
  readonly #lookup: Lookup;

  constructor(readonly folder: string, settings: Record<string, Literal>, kind = maxmindCountry) {
    const problems = new Problems();
    const values = record(kind.settings).read(nodeOf({ check_interval: "2ms", ...settings }), problems);
    assert.deepEqual(problems.lines(), []);
    const log = new Log({ level: "debug", format: "logfmt", write: (line) => this.#write(line) });
    this.#lookup = kind.open(values!, { log, interfaceNames: new InterfaceNames() });
    this.#lookup.onChange!((value) => {
      assert.equal(value, undefined);
      for (const resolve of this.#changes.splice(0)) resolve();
    });
  }

  get file(): string {
    return `${this.folder}/test.mmdb`;
  }

  get warnings(): readonly string[] {
    return this.#lines.filter((line) => line.includes("level=warn"));
  }

  get code(): unknown {
    return this.#lookup.lookup(Ip.parse("8.8.8.8")!, "code");
  }

  load(): Promise<void> {
    return this.#lookup.load!();
  }

  /** Runs while the body does. */
  async run(body: () => Promise<void>): Promise<void> {
    const stop = new AbortController(), running = this.#lookup.run!(stop.signal);
    // What waits in run() does not keep a program from ending.
    const timer = setInterval(() => {}, 1000);
    try {
      await body();
    } finally {
      stop.abort();
      await running;
      clearInterval(timer);
    }
  }

  /** Does something and waits until the answers have changed. */
  async changes(action: () => Promise<void>): Promise<void> {
    const changed = new Promise<void>((resolve) => this.#changes.push(resolve));
    await action();
    await changed;
  }

  /** Does something and waits until a line with the text is written. */
  async says(text: string, action: () => Promise<void>): Promise<void> {
    const said = new Promise<void>((resolve) => this.#waiting.push({ text, resolve }));
    await action();
    await said;
  }

  /** Puts a file in the place of the one that is there. */
  async replace(bytes: Uint8Array): Promise<void> {
    await Deno.writeFile(`${this.file}.new`, bytes);
    await Deno.rename(`${this.file}.new`, this.file);
  }

  #write(line: string): void {
    this.#lines.push(line);
    for (const { text, resolve } of this.#waiting) if (line.includes(text)) resolve();
  }
}

/** A test with an enricher whose file is in a folder of its own. */
function fileTest(
  name: string,
  body: (work: Work) => Promise<void>,
  settings: Record<string, Literal> = {},
): void {
  Deno.test(name, async () => {
    const folder = await Deno.makeTempDir();
    try {
      await body(new Work(folder, { file: `${folder}/test.mmdb`, ...settings }));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

fileTest("maxmind_country changes its answers when another file takes the place of its own", async (work) => {
  await work.replace(database("DE"));
  await work.load();
  assert.equal(work.code, "DE");
  await work.run(async () => {
    await work.changes(() => work.replace(database("FR")));
    assert.equal(work.code, "FR");
    await work.changes(() => work.replace(database("NL")));
    assert.equal(work.code, "NL");
  });
  assert.deepEqual(work.warnings, []);
});

fileTest("maxmind_country changes its answers when its file is written anew", async (work) => {
  await work.replace(database("DE"));
  await work.load();
  await work.run(async () => {
    await work.changes(() => Deno.writeFile(work.file, mmdb({ "8.0.0.0/8": { country_code: "France" } })));
    assert.equal(work.code, "France");
  });
});

fileTest("maxmind_country keeps its answers while its file is of no use", async (work) => {
  await work.replace(database("DE"));
  await work.load();
  await work.run(async () => {
    for (const bytes of [new Uint8Array(), database("FR").subarray(0, -20), new Uint8Array(5000)]) {
      await work.says("The GeoIP database stays as it was", () => work.replace(bytes));
      assert.equal(work.code, "DE");
    }
    await work.changes(() => work.replace(database("FR")));
    assert.equal(work.code, "FR");
  });
  assert.equal(work.warnings.length, 3);
  assert.match(work.warnings[0]!, /enricher=maxmind_country error="Cannot load \/.*test\.mmdb: Expected/);
});

fileTest("maxmind_country keeps its answers when its file goes, and reads the next", async (work) => {
  await work.replace(database("DE"));
  await work.load();
  await work.run(async () => {
    await work.says("stays as it was", () => Deno.remove(work.file));
    assert.equal(work.code, "DE");
    await work.changes(() => work.replace(database("FR")));
    assert.equal(work.code, "FR");
  });
});

fileTest("maxmind_country reads its file when it comes", async (work) => {
  await work.load();
  assert.equal(work.code, undefined);
  assert.equal(work.warnings.length, 1);
  assert.match(work.warnings[0]!, /There is no GeoIP database.*Cannot find \/.*test\.mmdb: No such file/);
  await work.run(async () => {
    await work.changes(() => work.replace(database("DE")));
    assert.equal(work.code, "DE");
  });
  assert.equal(work.warnings.length, 1);
});

fileTest("maxmind_country says once that its file is of no use", async (work) => {
  await work.replace(new Uint8Array(100));
  await work.load();
  await work.load();
  assert.equal(work.warnings.length, 1);
});

fileTest("maxmind_country does not wait for a file that is none", async (work) => {
  await Deno.mkdir(work.file);
  await work.load();
  assert.match(work.warnings[0]!, /Expected a file/);
});

fileTest("maxmind_country reads the file that a link names, and another when the link does", async (work) => {
  await Deno.writeFile(`${work.folder}/old`, database("DE"));
  await Deno.writeFile(`${work.folder}/new`, database("FR"));
  await Deno.symlink("old", work.file);
  await work.load();
  assert.equal(work.code, "DE");
  await work.run(() =>
    work.changes(async () => {
      await Deno.symlink("new", `${work.folder}/link`);
      await Deno.rename(`${work.folder}/link`, work.file);
    })
  );
  assert.equal(work.code, "FR");
});

const REQUIRED = { required: true };

fileTest("maxmind_country ends the start when the file that it must have is not there", async (work) => {
  await assert.rejects(work.load(), { message: new RegExp(`^Cannot find ${work.file}: No such file`) });
}, REQUIRED);

fileTest("maxmind_country ends the start when the file that it must have is of no use", async (work) => {
  await work.replace(database("DE").subarray(0, 100));
  await assert.rejects(work.load(), {
    message: new RegExp(`^Cannot load ${work.file}: Expected a MaxMind DB`),
  });
}, REQUIRED);

fileTest("maxmind_country starts with the file that it must have, and runs on when it goes", async (work) => {
  await work.replace(database("DE"));
  await work.load();
  await work.run(() => work.says("stays as it was", () => Deno.remove(work.file)));
  assert.equal(work.code, "DE");
}, REQUIRED);

Deno.test("maxmind_asn names all files that it has looked for", async () => {
  const folder = await Deno.makeTempDir();
  const work = new Work(folder, { mmdb_dir: folder, required: true }, maxmindAsn);
  const paths = ["GeoIP2-ISP", "GeoLite2-ASN", "dbip-asn", "dbip-asn-lite", "ipinfo_lite"];
  await assert.rejects(work.load(), {
    message: new RegExp(
      `^Cannot find ${paths.map((name) => `${folder}/${name}.mmdb`).join(" or ")}: No such`,
    ),
  });
  await Deno.remove(folder);
});
