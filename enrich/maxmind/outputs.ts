/** What an enricher gives of a record, whichever vendor has made the database. */
export interface Output {
  readonly help: string;
  /** Where it stands in the records of the vendors; the first that says something counts. */
  readonly paths: readonly string[];
  readonly kind: Kind;
}

type Answer = string | number;

/** Reads what stands there, for a language. What is of another type says nothing. */
type Kind = (language: string) => (value: unknown) => Answer | undefined;

// IP2Location writes "-" where it knows nothing.
const text: Kind = () => (value) =>
  typeof value === "string" && value !== "" && value !== "-" ? value : undefined;

/** A name, or the code of a country: some databases have that alone. */
const countryName: Kind = (language) => {
  // They take 4 MB.
  let names: Intl.DisplayNames | undefined;
  return (value) => {
    const name = text(language)(value);
    if (typeof name !== "string" || !/^[A-Z]{2}$/.test(name)) return name;
    names ??= new Intl.DisplayNames([language, "en"], { type: "region", fallback: "none" });
    return names.of(name);
  };
};

/** 15169, or "AS15169" as IPinfo has it. */
const systemNumber: Kind = () => (value) =>
  typeof value === "string"
    ? Number(/^(?:AS)?(\d{1,10})$/.exec(value)?.[1]) || undefined
    : typeof value === "number" && value !== 0
    ? value
    : undefined;

/** In degrees, to 11 m; IPinfo has it as a text. */
const degrees: Kind = () => (value) => {
  const isNumber = typeof value === "number" || (typeof value === "string" && value !== "");
  const number = isNumber ? Number(value) : NaN;
  return Number.isFinite(number) ? Number(number.toFixed(4)) : undefined;
};

// The shapes are those of MaxMind and DB-IP (nested), ip-location-db and IPinfo (flat).
const COUNTRY_CODE = ["country.iso_code", "registered_country.iso_code", "country_code", "country"];

export const COUNTRY_OUTPUTS = {
  code: { help: "Code of the country, such as DE", paths: COUNTRY_CODE, kind: text },
  name: {
    help: "Name of the country",
    paths: [
      "country.names.{language}",
      "registered_country.names.{language}",
      "country_name",
      "country",
      "country_code",
    ],
    kind: countryName,
  },
  continent: {
    help: "Code of the continent, such as EU",
    paths: ["continent.code", "continent_code", "continent"],
    kind: text,
  },
} satisfies Readonly<Record<string, Output>>;

export const ASN_OUTPUTS = {
  org: {
    help: "Organization of the autonomous system",
    paths: [
      "autonomous_system_organization",
      "traits.autonomous_system_organization",
      "as_name",
      "name",
    ],
    kind: text,
  },
  number: {
    help: "Number of the autonomous system, such as 64496",
    paths: ["autonomous_system_number", "traits.autonomous_system_number", "asn"],
    kind: systemNumber,
  },
} satisfies Readonly<Record<string, Output>>;

export const CITY_OUTPUTS = {
  city: { help: "Name of the city", paths: ["city.names.{language}", "city"], kind: text },
  region: {
    help: "Name of the largest part of the country",
    paths: ["subdivisions.0.names.{language}", "state1", "region"],
    kind: text,
  },
  country: { help: "Code of the country, such as DE", paths: COUNTRY_CODE, kind: text },
  latitude: {
    help: "Degrees to the north",
    paths: ["location.latitude", "latitude", "lat"],
    kind: degrees,
  },
  longitude: {
    help: "Degrees to the east",
    paths: ["location.longitude", "longitude", "lng"],
    kind: degrees,
  },
} satisfies Readonly<Record<string, Output>>;

/** Reads an output of a record, in the language or else in English. */
export function outputReader(
  { paths, kind }: Output,
  language: string,
): (record: unknown) => Answer | undefined {
  const languages = new Set([language, "en"]);
  const keys = paths.flatMap((path) =>
    path.includes("{language}")
      ? [...languages].map((language) => path.replace("{language}", language).split("."))
      : [path.split(".")]
  );
  const read = kind(language);
  return (record) => {
    for (const path of keys) {
      const answer = read(path.reduce(member, record));
      if (answer !== undefined) return answer;
    }
    return undefined;
  };
}

function member(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined;
}
