/** Proof that an audit event is durable: only what waited for that can make one, and no reply can be made without one. */
export class Audited {
  readonly #proof = true;

  private constructor() {
    void this.#proof;
  }

  /** Resolves when the commit (or append) has; rejects when that does. */
  static async after(durable: Promise<unknown>): Promise<Audited> {
    await durable;
    return new Audited();
  }
}
