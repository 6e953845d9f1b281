// Parts of one upload are taken in a few at a time; who comes with more waits.

import type { Op } from '../observe/op.ts'
import { Turnstile } from '../workflows/turnstile.ts'

export class UploadGates {
  readonly #width: number
  readonly #gates = new Map<string, { readonly turnstile: Turnstile; users: number }>()

  constructor(width: number) {
    this.#width = width
  }

  async pass<T>(op: Op, uploadId: string, work: () => Promise<T>): Promise<T> {
    const gate = this.#gates.get(uploadId) ?? { turnstile: new Turnstile(this.#width), users: 0 }
    this.#gates.set(uploadId, gate)
    gate.users++
    try {
      return await gate.turnstile.pass(op, work)
    } finally {
      gate.users--
      if (gate.users === 0) this.#gates.delete(uploadId)
    }
  }
}
