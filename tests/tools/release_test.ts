import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { DIST, RELEASE, release } from "../helpers/release.ts";
import { testWith } from "../helpers/skip.ts";
import { readPackages } from "../../tools/packages.ts";

const BINARIES = ["linux-x86_64", "linux-aarch64"].map((what) => `${RELEASE}-${what}`);
const FILES = [...BINARIES, `${RELEASE}-deploy.tar.gz`, `${RELEASE}-sbom.cdx.json`];

async function output(program: string, args: string[]): Promise<string> {
  const { stdout, stderr, success } = await new Deno.Command(program, { args, cwd: DIST }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

async function latin1(path: string | URL): Promise<string> {
  return Buffer.from(await Deno.readFile(path)).toString("latin1");
}

testWith({
  name: "the checksums of a release are those of its files",
  needs: release,
  fn: async () => {
    assert.equal(
      await output("sha256sum", ["--check", "SHA256SUMS"]),
      FILES.map((name) => `${name}: OK\n`).join(""),
    );
  },
});

for (const binary of BINARIES) {
  testWith({
    name: `${binary} holds the packages that the list of its contents has, and no others`,
    needs: release,
    fn: async () => {
      const { components } = JSON.parse(await Deno.readTextFile(`${DIST}${RELEASE}-sbom.cdx.json`));
      const listed = components.map((component: { "bom-ref": string }) => component["bom-ref"]);
      const { inside, outside } = await readPackages(),
        bytes = await latin1(DIST + binary),
        held: string[] = [];
      for (const { id, folder } of [...inside, ...outside]) {
        if (bytes.includes(await latin1(new URL("package.json", folder)))) held.push(id);
      }
      assert.deepEqual(listed.slice(1), held);
    },
  });
}

testWith({
  name: "a release is of the revision that its list of contents has",
  needs: release,
  fn: async () => {
    const { metadata } = JSON.parse(await Deno.readTextFile(`${DIST}${RELEASE}-sbom.cdx.json`));
    const [{ value }] = metadata.component.properties;
    const version = await output(`${DIST}${RELEASE}-linux-${Deno.build.arch}`, ["--version"]);
    assert.match(version, new RegExp(`\\(revision ${value}, `));
  },
});

testWith({
  name: "what is to be deployed is in one folder, with what is needed for it, and belongs to nobody",
  needs: release,
  fn: async () => {
    const lines = await output("tar", ["-tvzf", `${RELEASE}-deploy.tar.gz`, "--numeric-owner"]);
    const entries = lines.trimEnd().split("\n").map((line) => /^(\S+) (\S+) .* (\S+)$/.exec(line)!.slice(1));
    const paths = entries.map(([, , path = ""]) => path);
    for (const [mode, owner, path = ""] of entries) {
      const isProgram = /\/(install|deploy-to-hosts)\.sh$/.test(path);
      assert.equal(mode, path.endsWith("/") ? "drwxr-xr-x" : isProgram ? "-rwxr-xr-x" : "-rw-r--r--", path);
      assert.equal(owner, "0/0", path);
    }
    const needed = [
      "install.sh",
      "deploy-to-hosts.sh",
      "Dockerfile",
      "systemd/netcensus.service",
      "prometheus/",
      "grafana/",
    ];
    for (const path of needed) assert.ok(paths.includes(`${RELEASE}-deploy/${path}`), path);
    assert.ok(paths.every((path) => path.startsWith(`${RELEASE}-deploy/`)));
  },
});
