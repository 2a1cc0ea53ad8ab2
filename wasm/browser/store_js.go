package browser

import (
	"errors"
	"syscall/js"
)

// Store stores records in IndexedDB, which can hold many large ones and change each of
// them.
type Store struct {
	name     string
	database js.Value
}

// records is the name of the only object store of a Store's database.
const records = "records"

// OpenStore opens the store of the given name, and creates it if necessary.
func OpenStore(name string) (*Store, error) {
	s := &Store{name: name}
	return s, s.open()
}

func (s *Store) open() (err error) {
	defer Catch(&err)
	factory, err := Get(js.Global(), "indexedDB")
	if err != nil {
		return err
	}
	if !factory.Truthy() {
		return errors.New("this browser has no IndexedDB for this page")
	}
	request := factory.Call("open", s.name, 1)
	upgrade := js.FuncOf(func(js.Value, []js.Value) any {
		request.Get("result").Call("createObjectStore", records)
		return nil
	})
	defer upgrade.Release()
	request.Set("onupgradeneeded", upgrade)
	if err := await(request, "onsuccess", "onerror"); err != nil {
		return err
	}
	s.database = request.Get("result")
	return nil
}

// transaction begins a transaction. If the browser has closed the database, because the
// user cleared the storage, it is opened again.
func (s *Store) transaction(mode string) (js.Value, error) {
	begin := func() (transaction js.Value, err error) {
		defer Catch(&err)
		return s.database.Call("transaction", records, mode), nil
	}
	transaction, err := begin()
	if err == nil {
		return transaction, nil
	}
	if err := s.open(); err != nil {
		return js.Value{}, err
	}
	return begin()
}

// Put stores a value under a key: anything that can be cloned, including Blobs.
func (s *Store) Put(key string, value any) error {
	return s.change(func(records js.Value) { records.Call("put", value, key) })
}

// Delete deletes the value under a key.
func (s *Store) Delete(key string) error {
	return s.change(func(records js.Value) { records.Call("delete", key) })
}

// change makes a change, completely or not at all, and waits until it is stored.
func (s *Store) change(make func(records js.Value)) (err error) {
	defer Catch(&err)
	transaction, err := s.transaction("readwrite")
	if err != nil {
		return err
	}
	make(transaction.Call("objectStore", records))
	return await(transaction, "oncomplete", "onabort")
}

// Get returns the value under a key, or ErrNothingKept.
func (s *Store) Get(key string) (js.Value, error) {
	value, err := s.ask("get", key)
	if err == nil && value.IsUndefined() {
		err = ErrNothingKept
	}
	return value, err
}

// Keys returns all keys, in order.
func (s *Store) Keys() ([]string, error) {
	keys, err := s.ask("getAllKeys")
	if err != nil {
		return nil, err
	}
	names := make([]string, keys.Length())
	for i := range names {
		names[i] = keys.Index(i).String()
	}
	return names, nil
}

// All returns all values as an Array, in the order of their keys.
func (s *Store) All() (js.Value, error) { return s.ask("getAll") }

// ask calls a reading method of the object store.
func (s *Store) ask(method string, args ...any) (result js.Value, err error) {
	defer Catch(&err)
	transaction, err := s.transaction("readonly")
	if err != nil {
		return js.Value{}, err
	}
	request := transaction.Call("objectStore", records).Call(method, args...)
	if err := await(request, "onsuccess", "onerror"); err != nil {
		return js.Value{}, err
	}
	return request.Get("result"), nil
}

// await blocks the goroutine, not the event loop, until a request or transaction
// succeeds or fails.
func await(target js.Value, succeeds string, fails ...string) error {
	settled := make(chan error, 1)
	succeeded := js.FuncOf(func(js.Value, []js.Value) any {
		settled <- nil
		return nil
	})
	defer succeeded.Release()
	failed := js.FuncOf(func(js.Value, []js.Value) any {
		settled <- newError(target.Get("error"))
		return nil
	})
	defer failed.Release()
	target.Set(succeeds, succeeded)
	for _, event := range fails {
		target.Set(event, failed)
	}
	return <-settled
}
