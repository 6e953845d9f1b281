/** Where a page of a list ended; lists go newest first by (createdAt, id). */
export interface PageKey {
  readonly createdAt: number
  readonly id: string
}
