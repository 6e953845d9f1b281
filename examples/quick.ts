// Run with: node examples/quick.ts
import { Machine } from '@nullspace/sdk'

await using machine = await Machine.create({ template: 'base', timeout: 300 })
const result = await machine.commands.run('python3 --version', { shell: true })
console.log(machine.id, result.stdout.trim())
