import { clientName } from "./client-key.ts";
import { FairPlaces, type Stranger } from "./fair-places.ts";

/**
 * Peers that may be connected before they have proved who they are: at most this many, over all ports.
 *
 * A newcomer takes the place of an old one, so a place lasts PLACES / (newcomers a second). An honest peer needs its place from
 * accept to its first line: over TCP that comes with the last packet of TCP's own handshake, over TLS 1.3 a round trip later. At 2,000
 * newcomers a second from its own address that is a second: half a dozen round trips of 150 ms, or one on a balancer that is busy. Under
 * Bun a place costs some 6 KB, in TLS 13 KB, so all of them some 27 MB.
 */
export const PLACES = 2_048;

/** Newcomers that leave a MB of garbage. */
const CROWD = 64;

/**
 * The places of peers that have proved nothing yet, on the control channel and below it in TLS. Those of one address, or one /64 of
 * IPv6, are a group.
 */
export class PreAuthLimit extends FairPlaces {
  readonly #onCrowd: () => void;
  #newcomers = 0;

  /** `onCrowd`: called after every CROWD newcomers. */
  constructor(places: number = PLACES, onCrowd: () => void = () => undefined) {
    super(places);
    this.#onCrowd = onCrowd;
  }

  override add(peer: Stranger, address: string): void {
    super.add(peer, clientName(address));
    this.#newcomers += 1;
    if (this.#newcomers % CROWD === 0) this.#onCrowd();
  }
}
