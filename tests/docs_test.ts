import assert from "node:assert/strict";
import { run } from "./helpers/exporter.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const PAGES = ["README.md", ...[...Deno.readDirSync(`${ROOT}docs`)].map(({ name }) => `docs/${name}`)];
const OF_PROMETHEUS = /^(scrape_configs|groups):/;

for (const page of PAGES.filter((page) => page.endsWith(".md"))) {
  const text = Deno.readTextFileSync(ROOT + page);
  for (const [i, [, yaml = ""]] of [...text.matchAll(/```yaml\n(.*?)```/gs)].entries()) {
    if (OF_PROMETHEUS.test(yaml)) continue;
    Deno.test(`${page} has a good configuration as example ${i + 1}`, async () => {
      const file = await Deno.makeTempFile({ suffix: ".yml" });
      try {
        await Deno.chmod(file, 0o644);
        await Deno.writeTextFile(file, yaml);
        const { code, stderr } = await run(["check", `--config.file=${file}`]);
        assert.equal(stderr, "");
        assert.equal(code, 0);
      } finally {
        await Deno.remove(file);
      }
    });
  }
  Deno.test(`${page} links to what is there`, async () => {
    const folder = page.includes("/") ? "docs/" : "";
    for (const [, target = ""] of text.matchAll(/\]\((?!https?:)([^)#]+)/g)) {
      await Deno.stat(ROOT + folder + target);
    }
  });
}
