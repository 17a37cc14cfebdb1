/** RFC 8446 §5.1: a record with messages of the handshake. */
const HANDSHAKE = 22;
/** RFC 5246 §7.4 */
const CLIENT_HELLO = 1, SERVER_HELLO = 2, CERTIFICATE = 11, SERVER_KEY_EXCHANGE = 12;
/** RFC 8446 §4.2.1: an extension that a server says only with TLS 1.3. */
const SUPPORTED_VERSIONS = 43;
/** RFC 8422 §5.4 */
const NAMED_CURVE = 3;
const RANDOM = 32;

/** What a server of TLS 1.2 shows of itself, and what it has signed to prove that it has the key. */
export interface ServerProof {
  /** DER */
  readonly certificate: Uint8Array<ArrayBuffer>;
  readonly signed: Uint8Array<ArrayBuffer>;
  /** How: https://www.iana.org/assignments/tls-parameters, SignatureScheme. */
  readonly scheme: number;
  readonly signature: Uint8Array<ArrayBuffer>;
}

/**
 * The proof in what client and server have said at the beginning. Absent where it is cut, or is of TLS 1.3, which says
 * all of it encrypted.
 */
export function serverProofIn(fromClient: Uint8Array, fromServer: Uint8Array): ServerProof | undefined {
  try {
    return readProof(messagesIn(fromClient), messagesIn(fromServer));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The bodies of messages, by their type. */
type Messages = ReadonlyMap<number, Uint8Array>;

function readProof(ofClient: Messages, ofServer: Messages): ServerProof {
  const hello = new Fields(ofServer.get(SERVER_HELLO));
  hello.number(2);
  const serverRandom = hello.bytes(RANDOM);
  hello.bytes(hello.number(1));
  // Cipher suite and compression.
  hello.bytes(3);
  if (hello.rest > 0) refuseExtensions(new Fields(hello.bytes(hello.number(2))));
  const clientHello = new Fields(ofClient.get(CLIENT_HELLO));
  clientHello.number(2);
  const clientRandom = clientHello.bytes(RANDOM);
  const certificates = new Fields(ofServer.get(CERTIFICATE));
  certificates.number(3);
  const certificate = certificates.bytes(certificates.number(3));
  const exchange = new Fields(ofServer.get(SERVER_KEY_EXCHANGE));
  if (exchange.number(1) !== NAMED_CURVE) throw new RangeError("No named curve");
  exchange.number(2);
  exchange.bytes(exchange.number(1));
  const parameters = exchange.before;
  const scheme = exchange.number(2), signature = exchange.bytes(exchange.number(2));
  const signed = new Uint8Array([...clientRandom, ...serverRandom, ...parameters]);
  return { certificate, signed, scheme, signature };
}

function refuseExtensions(extensions: Fields): void {
  while (extensions.rest > 0) {
    if (extensions.number(2) === SUPPORTED_VERSIONS) throw new RangeError("TLS 1.3");
    extensions.bytes(extensions.number(2));
  }
}

/** The messages in the records up to the first that is of something else, or cut. */
function messagesIn(records: Uint8Array): Messages {
  const handshake = new Uint8Array(records.length);
  let length = 0;
  for (let at = 0; at + 5 <= records.length && records[at] === HANDSHAKE;) {
    const start = at + 5, end = start + ((records[at + 3]! << 8) | records[at + 4]!);
    if (end > records.length) break;
    handshake.set(records.subarray(start, end), length);
    length += end - start;
    at = end;
  }
  const all = new Fields(handshake.subarray(0, length)), messages = new Map<number, Uint8Array>();
  while (all.rest >= 4) {
    const type = all.number(1), length = all.number(3);
    if (length > all.rest) break;
    const body = all.bytes(length);
    if (!messages.has(type)) messages.set(type, body);
  }
  return messages;
}

/** Reads one field after the other; beyond the end it throws a RangeError. */
class Fields {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.#bytes = bytes;
  }

  get rest(): number {
    return this.#bytes.length - this.#at;
  }

  /** All that was read. */
  get before(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  number(length: number): number {
    return this.bytes(length).reduce((number, byte) => 256 * number + byte, 0);
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    if (length > this.rest) throw new RangeError("The message is cut");
    const start = this.#at;
    this.#at += length;
    return this.#bytes.slice(start, this.#at) as Uint8Array<ArrayBuffer>;
  }
}
