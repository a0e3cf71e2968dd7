// npm's pg through the pool: node pg_pool.mjs URL CLIENTS TRANSACTIONS
// Prints {"committed", "failed", "words", "rows"}.
import pg from 'pg';

const [url, clients, transactions] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const outcome = {committed: 0, failed: 0, words: [], rows: 0};

async function work(number) {
  const client = new pg.Client({connectionString: url});
  client.on('error', () => {});
  try {
    await client.connect();
    for (let i = 0; i < transactions; i++) {
      await client.query('BEGIN');
      // Parameters: the extended protocol, with an unnamed statement.
      await client.query('INSERT INTO visits (client, n) VALUES ($1, $2)', [number, i]);
      const {rows} = await client.query('SELECT count(*)::int AS n FROM visits WHERE client = $1', [number]);
      if (rows[0].n !== i + 1) throw new Error(`client ${number} sees ${rows[0].n} rows after ${i + 1}`);
      await client.query('COMMIT');
      outcome.committed++;
    }
    await client.end();
  } catch (error) {
    outcome.failed++;
    outcome.words.push(String(error.message));
  }
}

await Promise.all(Array.from({length: clients}, (_, number) => work(number)));
const last = new pg.Client({connectionString: url});
await last.connect();
outcome.rows = (await last.query('SELECT count(*)::int AS n FROM visits')).rows[0].n;
await last.end();
console.log(JSON.stringify({...outcome, words: outcome.words.slice(0, 5)}));
