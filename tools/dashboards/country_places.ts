/**
 * Names of countries, as the database inside netcensus or those of MaxMind have them, that Grafana's gazetteer
 * (public/gazetteer/countries.json) has otherwise; as regular expressions. What was
 * changed is looked at again.
 */
const OTHERWISE: readonly (readonly [name: string, place: string])[] = [
  ["(.+) & (.+)", "$1 and $2"],
  ["St\\\\.? (.+)", "Saint $1"],
  ["Czechia", "CZ"],
  ["Türkiye", "TR"],
  ["The Netherlands", "NL"],
  ["North Macedonia", "MK"],
  ["Myanmar.*", "MM"],
  ["Eswatini", "SZ"],
  ["Palestine", "PS"],
  ["Ivory Coast|Côte d.Ivoire", "CI"],
  ["Congo - Kinshasa|DR Congo", "CD"],
  ["Congo - Brazzaville|Congo Republic", "CG"],
  ["Åland Islands", "AX"],
  ["Falkland Islands.*", "FK"],
  ["Cocos .*", "CC"],
  ["Caribbean Netherlands", "BQ"],
  ["Saint Vincent and Grenadines", "VC"],
];

/** Adds to series with `country` the `place` by which Grafana finds it on its map. */
export function withPlace(expr: string): string {
  return OTHERWISE.reduce(
    (inner, [name, place]) => `label_replace(${inner}, "place", "${place}", "place", "${name}")`,
    `label_replace(${expr}, "place", "$1", "country", "(.*)")`,
  );
}
