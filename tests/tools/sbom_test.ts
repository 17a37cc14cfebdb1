import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readPackages } from "../../tools/packages.ts";
import { sbom } from "../../tools/sbom.ts";

const packages = await readPackages();
const OPTIONS = {
  build: { version: "1.2.3", revision: "0123456789ab" },
  seconds: 1_700_000_000,
  deno: "2.6.10",
  packages,
};

Deno.test("sbom() tells what was built, from which commit, and when that was made", async () => {
  const { bomFormat, specVersion, metadata: { component, timestamp } } = await sbom(OPTIONS);
  assert.deepEqual([bomFormat, specVersion, timestamp], ["CycloneDX", "1.6", "2023-11-14T22:13:20.000Z"]);
  assert.deepEqual([component.name, component.version], ["netcensus", "1.2.3"]);
  assert.deepEqual(component.properties, [{ name: "netcensus:revision", value: "0123456789ab" }]);
});

Deno.test("sbom() has no time when no commit is known", async () => {
  assert.equal("timestamp" in (await sbom({ ...OPTIONS, seconds: 0 })).metadata, false);
});

Deno.test("sbom() lists the runtime and the packages inside, each with its licence", async () => {
  const { components } = await sbom(OPTIONS);
  assert.deepEqual(
    components.map((one) => one["bom-ref"]),
    ["deno@2.6.10", ...packages.inside.map(({ id }) => id)],
  );
  for (const { name, licenses } of components) {
    assert.match(licenses?.[0]?.license.id ?? "", /^[\w.-]+$/, name);
  }
});

Deno.test("sbom() names a package as its registry does, with the digest that deno.lock has", async () => {
  const { components } = await sbom(OPTIONS);
  const found = components.map((one) => ({ hashes: [], ...one })).find(({ name }) =>
    name === "@opentelemetry/api"
  )!;
  const { integrity, version } = packages.inside.find(({ name }) => name === "@opentelemetry/api")!;
  assert.equal(found.purl, `pkg:npm/%40opentelemetry/api@${version}`);
  const [{ alg, content }] = found.hashes as [{ alg: string; content: string }];
  assert.equal(alg, "SHA-512");
  assert.equal(`sha512-${Buffer.from(content, "hex").toString("base64")}`, integrity);
});

Deno.test("sbom() attributes the database to whose it is", async () => {
  const { components } = await sbom(OPTIONS);
  const data = components.filter(({ type }) => type === "data").map((one) => ({ copyright: "", ...one }));
  assert.equal(data.length, 1);
  assert.match(data[0]!.copyright, /Number Resource Organization/);
  assert.deepEqual(data[0]!.licenses, [{ license: { id: "CC-BY-4.0" } }]);
});

Deno.test("sbom() says of everything inside what it needs", async () => {
  const { metadata: { component }, components, dependencies } = await sbom(OPTIONS);
  const refs = new Set([component["bom-ref"], ...components.map((one) => one["bom-ref"])]);
  const needed = dependencies.flatMap(({ dependsOn }) => dependsOn);
  assert.deepEqual([component["bom-ref"], ...new Set(needed)].sort(), [...refs].sort());
});
