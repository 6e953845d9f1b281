// Reading machines: one by id, or all that match, page by page.

import { MachineInfo as WireMachineInfo, getMachine, listMachines } from '@nullspace/contract/machines.ts'
import type { MachineState } from '@nullspace/contract/states.ts'
import { checked } from './checked.ts'
import { Client, type Connection } from './client.ts'
import { fromWire, snake, type Camel } from './naming.ts'

/** Times are RFC 3339 strings, `...Ms` milliseconds, `...Mb` MiB. */
export type MachineInfo = Camel<WireMachineInfo>
export type MachineInfoField = keyof MachineInfo

const SomeFields = WireMachineInfo.partial()

export interface ListMachinesOptions extends Connection {
  /** Only machines in (one of) these states. */
  readonly state?: MachineState | readonly MachineState[] | undefined
  readonly template?: string | undefined
  /** Only machines whose metadata has all these pairs. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  /** Machines per page, 1 to 100; default 100. It does not end the iteration. */
  readonly limit?: number | undefined
  /** `nextToken` of an earlier page. */
  readonly nextToken?: string | undefined
}

export interface MachinePage {
  readonly items: readonly MachineInfo[]
  /** Undefined on the last page. */
  readonly nextToken: string | undefined
}

/** All matching machines, fetched as they are iterated; `page()` and `pages()` give the pages themselves. */
export class MachineList implements AsyncIterable<MachineInfo> {
  readonly #options: ListMachinesOptions
  readonly #client: Client

  constructor(options: ListMachinesOptions) {
    this.#options = options
    this.#client = Client.of(options)
  }

  /** One page: the first, or the one that `nextToken` names. */
  async page(nextToken: string | undefined = this.#options.nextToken): Promise<MachinePage> {
    const { state, template, metadata, limit = 100 } = this.#options
    const query = {
      limit,
      ...(state === undefined ? {} : { state: [state].flat().join(',') }),
      ...(template === undefined ? {} : { template }),
      ...(metadata === undefined ? {} : { metadata: JSON.stringify(metadata) }),
      ...(nextToken === undefined ? {} : { next_token: nextToken }),
    }
    const body = await this.#client.call(listMachines, { query }, this.#options)
    if (Array.isArray(body)) return { items: body.map((item) => fromWire(WireMachineInfo, item)), nextToken: undefined }
    return {
      // Without a field mask the items are whole; parsing them again says so if not.
      items: body.items.map((item) => fromWire(WireMachineInfo, checked(WireMachineInfo, item, listMachines.id))),
      nextToken: body.has_next ? body.next_token : undefined,
    }
  }

  async *pages(): AsyncGenerator<MachinePage, void, undefined> {
    let page = await this.page()
    yield page
    while (page.nextToken !== undefined) {
      page = await this.page(page.nextToken)
      yield page
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<MachineInfo, void, undefined> {
    for await (const page of this.pages()) yield* page.items
  }
}

export interface GetInfoOptions<Field extends MachineInfoField> extends Connection {
  /** Read only these; default: all. */
  readonly fields?: readonly Field[] | undefined
}

/** Reads a machine without waking it. */
export async function readInfo<Field extends MachineInfoField>(
  id: string,
  options: GetInfoOptions<Field>,
): Promise<Pick<MachineInfo, Field>> {
  const { fields } = options
  const query = fields === undefined ? {} : { fields: fields.map(snake).join(',') }
  const body = await Client.of(options).call(getMachine, { params: { id }, query }, options)
  // With a mask just those fields are there, without one the full schema checks that all are.
  return (
    fields === undefined ? fromWire(WireMachineInfo, checked(WireMachineInfo, body, getMachine.id)) : fromWire(SomeFields, body)
  ) as Pick<MachineInfo, Field>
}
