import assert from "node:assert/strict";
import { COLLECTORS } from "../collectors/mod.ts";
import { flagsOf } from "../config/flags.ts";
import { rootShape } from "../config/settings.ts";
import { anchorOf } from "../tools/reference/markdown.ts";
import { run } from "./helpers/exporter.ts";
import { TempFile } from "./helpers/temp_file.ts";

const ROOT = new URL("../", import.meta.url);
const PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", ...pagesIn("docs"), ...pagesIn("deploy")];
/** What YAML that is for other programs begins with. */
const OF_OTHERS =
  /^(?:#.*\n)*(?:apiVersion|basic_auth_users|global|groups|rule_files|scrape_configs|services|tls_server_config|- )/;

function pagesIn(folder: string): string[] {
  return [...Deno.readDirSync(new URL(folder, ROOT))].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? pagesIn(path) : name.endsWith(".md") ? [path] : [];
  }).sort();
}

function textOf(page: string): string {
  return Deno.readTextFileSync(new URL(page, ROOT));
}

/** What stands behind the `#` of links to the headings of a page. */
function anchorsOf(page: string): Set<string> {
  const text = textOf(page).replaceAll(/^```.*?^```/gms, "");
  return new Set(text.matchAll(/^#+ (.*)$/gm).map(([, heading]) => anchorOf(heading!)));
}

/** Whether a link of a page, relative to it, leads to something. */
function isGood(link: string, page: string): boolean {
  const { pathname, hash } = new URL(link, new URL(page, ROOT)), path = pathname.slice(ROOT.pathname.length);
  try {
    Deno.statSync(new URL(path, ROOT));
  } catch {
    return false;
  }
  return hash === "" || anchorsOf(path).has(decodeURIComponent(hash.slice(1)));
}

const FLAGS = new Set(flagsOf(rootShape(COLLECTORS).settings).map(({ name }) => name));
/** What the shipped metrics begin with. */
const OURS = /(?<![\w:])(?:conntrack|mikrotik|netcensus|netflow|network|wialon_ips)_\w+/g;
const METRICS = new Set(textOf("docs/metrics.md").matchAll(/^\| `(\w+)`/gm).map(([, name]) => name!));

for (const page of PAGES) {
  const text = textOf(page);
  for (const [i, [, yaml = ""]] of [...text.matchAll(/```yaml\n(.*?)```/gs)].entries()) {
    if (OF_OTHERS.test(yaml)) continue;
    Deno.test(`${page} has a good configuration as example ${i + 1}`, async () => {
      await using file = await TempFile.create(yaml);
      const { code, stderr } = await run(["check", `--config.file=${file.path}`]);
      assert.equal(stderr, "");
      assert.equal(code, 0);
    });
  }
  Deno.test(`${page} links to what is there`, () => {
    const links = text.matchAll(/\]\((?!https?:)([^)]+)\)/g).map(([, link]) => link!).toArray();
    assert.deepEqual(links.filter((link) => !isGood(link, page)), []);
  });

  Deno.test(`${page} names flags that there are`, () => {
    const names = text.matchAll(/--(?:no-)?((?:collector|configure|log|path|web)\.[\w.-]*\w)/g)
      .map(([, name]) => name!).toArray();
    assert.deepEqual(names.filter((name) => !FLAGS.has(name)), []);
  });

  Deno.test(`${page} asks for metrics that there are`, () => {
    const written = new Set(text.matchAll(/\bname: (\w+)/g).map(([, name]) => name!));
    const names = text.matchAll(/```promql\n(.*?)```/gs)
      .flatMap(([, query = ""]) => query.replaceAll(/"[^"]*"/g, "").matchAll(OURS).map(([name]) => name))
      .toArray();
    const isThere = (name: string) => METRICS.has(name) || written.has(name);
    const unknown = names.filter((name) =>
      !isThere(name) && !isThere(name.replace(/_(bucket|g?sum|g?count)$/, ""))
    );
    assert.deepEqual(unknown, []);
  });
}

Deno.test("docs/README.md links to every page", () => {
  const pages = pagesIn("docs").map((page) => page.slice("docs/".length)).filter((page) =>
    page !== "README.md"
  );
  assert.deepEqual(pages.filter((page) => !textOf("docs/README.md").includes(`](${page})`)), []);
});
