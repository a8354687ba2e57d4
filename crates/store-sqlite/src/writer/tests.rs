//! Failures inside a transaction, which no caller can bring about from outside.

use super::*;

use reseal_core::store::{RecordKey, Versioned};

/// A writer on a table that refuses keys of ten bytes and more, and takes no more pages than this.
fn writer(max_pages: u32) -> (State, Sender<Job>) {
    let connection = Connection::open_in_memory().unwrap();
    let table = open::CREATE_TABLE.replace("NOT NULL)", "NOT NULL, CHECK (length(key) < 10))");
    connection.execute_batch(&table).unwrap();
    connection.pragma_update_and_check(None, "max_page_count", max_pages, |_| Ok(())).unwrap();
    let (queue, jobs) = channel();
    let state = State {
        connection,
        jobs,
        gate: Arc::default(),
        counters: Arc::default(),
        group_limit: 10,
        busy_timeout: Duration::ZERO,
        erase_due: false,
    };
    (state, queue)
}

/// Serves these batches, each a list of keys to put, as one group; tells which were answered `Ok`.
fn serve(state: &mut State, queue: &Sender<Job>, batches: &[&[&str]], value_len: usize) -> Vec<bool> {
    let put = |key: &&str| Write::Put {
        key: RecordKey::new(key.as_bytes()).unwrap(),
        record: Versioned { version: 1, value: vec![1; value_len] },
    };
    let mut answers = Vec::new();
    for keys in batches {
        let (answer, answered) = oneshot::channel();
        let batch = Batch { writes: keys.iter().map(put).collect(), ..Batch::default() };
        queue.send(Job { batch: Prepared::new(batch).unwrap(), answer }).unwrap();
        answers.push(answered);
    }
    let first = state.jobs.recv().unwrap();
    state.serve(first);
    answers.into_iter().map(|mut answer| answer.try_recv().unwrap().unwrap().is_ok()).collect()
}

fn keys(state: &State) -> Vec<String> {
    let mut select = state.connection.prepare("SELECT CAST(key AS TEXT) FROM records ORDER BY key").unwrap();
    select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_write_that_fails_undoes_its_batch_alone() {
    let (mut state, queue) = writer(10_000);
    let batches: [&[&str]; 3] = [&["a"], &["b", "refused by the table", "c"], &["d"]];
    assert_eq!(serve(&mut state, &queue, &batches, 10), [true, false, true]);
    assert_eq!(keys(&state), ["a", "d"]);
    assert_eq!(state.counters.transactions.load(Ordering::Relaxed), 1);
}

#[test]
fn a_full_disk_in_the_middle_fails_the_group_and_the_next_one_can_succeed() {
    let (mut state, queue) = writer(40);
    assert_eq!(serve(&mut state, &queue, &[&["kept"]], 10), [true]);
    let batches: [&[&str]; 3] = [&["a"], &["b", "c", "d"], &["e"]];
    assert_eq!(serve(&mut state, &queue, &batches, 80_000), [false; 3]);
    assert_eq!(keys(&state), ["kept"]);
    assert_eq!(serve(&mut state, &queue, &[&["after"]], 10), [true]);
    assert_eq!(keys(&state), ["after", "kept"]);
}
