"""PostgresCase: a PostgreSQL server, its replicas and its pool, under agents; psql is the judge."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from engine_case import PASSWORD, EngineCase, postgres_spec, run_as  # noqa: E402

BIN = "/usr/lib/postgresql/15/bin"


class PostgresCase(EngineCase):
    def sql(self, port, statement, user="api", database="shop", password=PASSWORD, check=True, timeout=60):
        """What psql prints for a statement, without decoration; with check=False (exit status, words of the error)."""
        done = subprocess.run(
            ["psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(port), "-U", user,
             "-d", database, "-c", statement],
            env={"PGPASSWORD": password, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}, capture_output=True, text=True,
            timeout=timeout, stdin=subprocess.DEVNULL)
        if not check:
            return done.returncode, done.stderr
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def admin(self, agent, statement, database="postgres"):
        return self.sql(agent.port, statement, "shore_admin", database, PASSWORD[::-1])

    def sql_or_none(self, agent, statement):
        try:
            return self.admin(agent, statement)
        except AssertionError:
            return None

    def as_server_user(self, *arguments, **options):
        return subprocess.run(arguments, capture_output=True, text=True, cwd="/", timeout=120,
                              **run_as(self.user), **options)

    def postgres(self, spec=None, slot=1):
        spec = spec or postgres_spec()
        return self.agent("postgres", slot, spec,
                          {"postgres": 1 + spec["postgres"]["replicas"], "pgbouncer": 1})

    def pool(self, spec):
        return self.agent("pgbouncer", 1, spec, {"postgres": 1 + spec["postgres"]["replicas"], "pgbouncer": 1},
                          instance="db-pool-1")

    def data(self, agent):
        return pathlib.Path(agent.assignment["data_directory"]) / "data"

    def postmaster(self, agent):
        return int((self.data(agent) / "postmaster.pid").read_text().split()[0])

    def start_both(self, spec, before_pool=None):
        """A server and its pool, ready."""
        server, pool = self.postgres(spec).start(), self.pool(spec).start(before_pool)
        server.wait_ready()
        pool.wait_ready()
        for user in spec["users"]:
            server.wait_user(user["service"])
            pool.wait_user(user["service"])
        return server, pool

    def client_environment(self):
        return {"PGPASSWORD": PASSWORD, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}

    def bench(self, port, script, *options, database="shop", user="api"):
        """pgbench with a script of its own, started; finish() waits for it."""
        path = self.root / f"bench-{port}-{abs(hash(script))}.sql"
        path.write_text(script)
        return subprocess.Popen(
            ["pgbench", "-h", "127.0.0.1", "-p", str(port), "-U", user, "-n", "-f", str(path), *options, database],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.client_environment())

    def finish(self, bench, seconds=90):
        """(output, words) of a pgbench that has ended well."""
        output, words = bench.communicate(timeout=seconds)
        self.assertEqual(bench.returncode, 0, words)
        self.assertIn("number of failed transactions: 0", output)
        return output, words
