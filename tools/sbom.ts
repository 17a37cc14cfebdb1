import { Buffer } from "node:buffer";
import type { Build } from "../server/own_metrics.ts";
import type { Package, Packages } from "./packages.ts";

export interface SbomOptions {
  readonly build: Build;
  /** When the source was committed, in seconds since 1970; 0 if unknown. */
  readonly seconds: number;
  /** The version of the runtime. */
  readonly deno: string;
  readonly packages: Packages;
}

const DATABASE = "@ip-location-db/geo-whois-asn-country-mmdb";
/** https://github.com/sapics/ip-location-db/tree/main/geo-whois-asn-country: the licence in its package.json is the packager's. */
const OF_DATABASE = {
  type: "data",
  description: "geo-whois-asn-country of ip-location-db: the countries of IP addresses",
  copyright: "Data of the Number Resource Organization (https://www.nro.net), licensed under CC BY 4.0",
  licenses: licence("CC-BY-4.0"),
  externalReferences: [{ type: "website", url: "https://github.com/sapics/ip-location-db" }],
};

/** What is inside of the binaries, as CycloneDX: https://cyclonedx.org/docs/1.6/json/. */
export async function sbom({ build, seconds, deno, packages: { inside, direct } }: SbomOptions) {
  const runtime = `deno@${deno}`, self = `netcensus@${build.version}`;
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      ...(seconds === 0 ? {} : { timestamp: new Date(1000 * seconds).toISOString() }),
      component: {
        type: "application",
        "bom-ref": self,
        name: "netcensus",
        version: build.version,
        licenses: licence("MIT"),
        properties: [{ name: "netcensus:revision", value: build.revision }],
      },
    },
    components: [
      {
        type: "platform",
        "bom-ref": runtime,
        name: "deno",
        version: deno,
        purl: `pkg:github/denoland/deno@v${deno}`,
        licenses: licence("MIT"),
      },
      ...await Promise.all(inside.map(component)),
    ],
    dependencies: [
      { ref: self, dependsOn: [runtime, ...direct] },
      ...inside.map(({ id, needs }) => ({ ref: id, dependsOn: needs })),
    ],
    // What the runtime itself is made of, its own releases tell.
    compositions: [{ aggregate: "unknown", assemblies: [runtime] }],
  };
}

async function component({ id, name, version, integrity, folder }: Package) {
  const { license } = JSON.parse(await Deno.readTextFile(new URL("package.json", folder)));
  const [, digest = ""] = /^sha512-(.*)$/.exec(integrity) ?? [];
  return {
    type: "library",
    "bom-ref": id,
    name,
    version,
    purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
    hashes: [{ alg: "SHA-512", content: Buffer.from(digest, "base64").toString("hex") }],
    ...(license === undefined ? {} : { licenses: licence(license) }),
    ...(name === DATABASE ? OF_DATABASE : {}),
  };
}

/** Of an identifier of https://spdx.org/licenses/. */
function licence(id: string) {
  return [{ license: { id } }];
}
