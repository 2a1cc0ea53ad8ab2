package browser

import (
	"errors"
	"syscall/js"
)

// Store keeps records between visits, in IndexedDB: unlike the origin's file
// system, it can change one of many large ones.
type Store struct{ database js.Value }

// records is the name of the only object store of a Store's database.
const records = "records"

// OpenStore opens the store of the given name, or makes it.
func OpenStore(name string) (store *Store, err error) {
	factory := js.Global().Get("indexedDB")
	if !factory.Truthy() {
		return nil, errors.New("this browser has no IndexedDB for this page")
	}
	defer catch(&err)
	request := factory.Call("open", name, 1)
	upgrade := js.FuncOf(func(js.Value, []js.Value) any {
		request.Get("result").Call("createObjectStore", records)
		return nil
	})
	defer upgrade.Release()
	request.Set("onupgradeneeded", upgrade)
	if err := await(request, "onsuccess", "onerror"); err != nil {
		return nil, err
	}
	return &Store{request.Get("result")}, nil
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
	defer catch(&err)
	transaction := s.database.Call("transaction", records, "readwrite")
	make(transaction.Call("objectStore", records))
	return await(transaction, "oncomplete", "onabort")
}

// All returns all values, an Array, by their keys' order.
func (s *Store) All() (values js.Value, err error) {
	defer catch(&err)
	request := s.database.Call("transaction", records).Call("objectStore", records).Call("getAll")
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

// catch makes what JavaScript threw an error.
func catch(err *error) {
	switch thrown := recover().(type) {
	case nil:
	case js.Error:
		*err = newError(thrown.Value)
	default:
		panic(thrown)
	}
}
