import { enricher, type Lookup } from "../../core/enricher.ts";
import { Ip } from "../../core/ip.ts";
import { setting, text } from "../../core/shape.ts";
import { isSpecial } from "../../core/special_networks.ts";
import { bundledCountries } from "./bundled_country.ts";
import { MMDB_SETTINGS, type MmdbKind, MmdbLookup } from "./mmdb_lookup.ts";
import { ASN_OUTPUTS, CITY_OUTPUTS, COUNTRY_OUTPUTS, type Output } from "./outputs.ts";

const COUNTRY: MmdbKind = {
  enricher: "maxmind_country",
  outputs: COUNTRY_OUTPUTS,
  files: [
    "GeoIP2-Country.mmdb",
    "GeoLite2-Country.mmdb",
    "dbip-country.mmdb",
    "dbip-country-lite.mmdb",
    "ipinfo_lite.mmdb",
  ],
  bundled: bundledCountries,
};

const ASN: MmdbKind = {
  enricher: "maxmind_asn",
  outputs: ASN_OUTPUTS,
  files: ["GeoIP2-ISP.mmdb", "GeoLite2-ASN.mmdb", "dbip-asn.mmdb", "dbip-asn-lite.mmdb", "ipinfo_lite.mmdb"],
};

const CITY: MmdbKind = {
  enricher: "maxmind_city",
  outputs: CITY_OUTPUTS,
  files: ["GeoIP2-City.mmdb", "GeoLite2-City.mmdb", "dbip-city.mmdb", "dbip-city-lite.mmdb"],
};

export const maxmindCountry = enricher({
  name: COUNTRY.enricher,
  help: "The country of an address, by a GeoIP database",
  needsSettings: false,
  takes: "ip",
  settings: {
    ...MMDB_SETTINGS,
    local: setting(text, "local", {
      help: "Country of private, loopback, multicast and other special addresses",
    }),
  },
  outputs: helpOf(COUNTRY.outputs),
  open(settings, { log }): Lookup {
    const lookup = new MmdbLookup(COUNTRY, { settings, log });
    return {
      lookup: (value, output) =>
        value instanceof Ip && isSpecial(value) ? settings.local : lookup.lookup(value, output),
      load: () => lookup.load(),
      run: (signal) => lookup.run(signal),
      onChange: (listener) => lookup.onChange(listener),
      figures: () => lookup.figures(),
    };
  },
});

export const maxmindAsn = enricher({
  name: ASN.enricher,
  help: "The autonomous system of an address, by a GeoIP database",
  needsSettings: false,
  takes: "ip",
  settings: MMDB_SETTINGS,
  outputs: helpOf(ASN.outputs),
  open: (settings, { log }) => new MmdbLookup(ASN, { settings, log }),
});

export const maxmindCity = enricher({
  name: CITY.enricher,
  help: "The city of an address, by a GeoIP database",
  needsSettings: false,
  takes: "ip",
  settings: MMDB_SETTINGS,
  outputs: helpOf(CITY.outputs),
  open: (settings, { log }) => new MmdbLookup(CITY, { settings, log }),
});

function helpOf(outputs: Readonly<Record<string, Output>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(outputs).map(([name, { help }]) => [name, help]));
}
