import { notFound } from '../errors.ts';
import type { Queryable } from './database.ts';

// Graphile Worker's schema too: jobs are read from its tables. Partitions of the ledger are read
// through their parent, which needs no grant on them.
const SCHEMAS = ['donations', 'graphile_worker'];
// Graphile Worker has row security on its tables: without a policy a role sees them empty.
const WITH_ROW_SECURITY = [
  '_private_jobs',
  '_private_job_queues',
  '_private_tasks',
  '_private_known_crontabs',
];

/** The statements that let a role read everything, and change nothing. */
export function readOnlyGrants(role: string): string[] {
  const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
  const to = quoted(role);
  const policy = quoted(`donations: ${role} reads`);
  return [
    ...SCHEMAS.flatMap((schema) => [
      `grant usage on schema ${schema} to ${to};`,
      `grant select on all tables in schema ${schema} to ${to};`,
      `alter default privileges in schema ${schema} grant select on tables to ${to};`,
    ]),
    ...WITH_ROW_SECURITY.flatMap((table) => [
      `drop policy if exists ${policy} on graphile_worker.${table};`,
      `create policy ${policy} on graphile_worker.${table} for select to ${to} using (true);`,
    ]),
  ];
}

/**
 * Lets a role read everything, tables of later migrations included.
 * @throws UserError `not_found` when there is no such role.
 */
export async function grantReadOnly(tx: Queryable, role: string): Promise<void> {
  const { rows } = await tx.query('select 1 from pg_roles where rolname = $1', [role]);
  if (rows.length === 0)
    throw notFound(
      `the server has no role "${role}"`,
      'Make it in psql first: create role NAME login password …',
    );
  for (const statement of readOnlyGrants(role)) await tx.query(statement);
}
