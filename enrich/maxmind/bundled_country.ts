/**
 * The database of countries that comes with the program; it costs nothing before this is called. By sapics, from data
 * of the Number Resource Organization (https://www.nro.net), CC BY 4.0.
 */
export async function bundledCountries(): Promise<Uint8Array<ArrayBuffer>> {
  const { default: bytes } = await import(
    "@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb",
    { with: { type: "bytes" } }
  );
  return bytes;
}
