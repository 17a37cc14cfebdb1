/** How a collector is doing. */
export interface CollectorStatus {
  readonly name: string;
  /** Unknown until its first work is done. */
  readonly success: boolean | undefined;
  readonly durationSeconds: number;
  /** Unix time, 0 for never. */
  readonly lastSuccessSeconds: number;
  readonly lastError: string;
  /** How often what could not be read, for each reason that there is. */
  readonly problems: ReadonlyMap<string, number>;
  /** Whether its data are as good as they can be, for each check that was made. */
  readonly qualities: ReadonlyMap<string, boolean>;
}
