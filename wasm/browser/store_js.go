package browser

import (
	"errors"
	"syscall/js"
)

// Store keeps records between visits, in IndexedDB: unlike the origin's file
// system, it can change one of many large ones.
type Store struct {
	name     string
	database js.Value
}

// records is the name of the only object store of a Store's database.
const records = "records"

// OpenStore opens the store of the given name, or makes it.
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

// transaction begins a transaction. Browsers close a database when the user clears
// what they have stored: it is then opened anew.
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

// Put stores a value under a key: anything that can be posted, Blobs too.
func (s *Store) Put(key string, value any) error {
	return s.change(func(records js.Value) { records.Call("put", value, key) })
}

// Delete forgets what is stored under a key.
func (s *Store) Delete(key string) error {
	return s.change(func(records js.Value) { records.Call("delete", key) })
}

// change makes a change that is there once it returns, or not at all.
func (s *Store) change(make func(records js.Value)) (err error) {
	defer Catch(&err)
	transaction, err := s.transaction("readwrite")
	if err != nil {
		return err
	}
	make(transaction.Call("objectStore", records))
	return await(transaction, "oncomplete", "onabort")
}

// Get returns what is stored under a key.
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

// All returns all values, an Array, by their keys' order.
func (s *Store) All() (js.Value, error) { return s.ask("getAll") }

// ask calls a method of the object store that reads.
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
