package state

import (
	"slices"
	"testing"

	"sae/nn/experiment"
	"sae/tools/bounds"
)

// followBound is how many bytes following a query of n may allocate: each bad
// setting in it, of two bytes or more, is answered by a sentence.
func followBound(n int) int { return 1<<20 + 2000*n }

// FuzzFollow holds that any link gives settings that can be used, and says so where
// they are not those of the link.
func FuzzFollow(f *testing.F) {
	f.Add("?experiment=3&lambda=1e-5")
	f.Add("hidden=4096,4096&latent=1e9&batch=-1&&=&fingerprint=1-go-0")
	f.Add("?experiment=2&lambda=0&mirrored=true&activation=linear&init=pca&decay=0.5&workers=8&subset=100&seed=-3")
	f.Fuzz(func(t *testing.T, query string) {
		page := visitor()
		bounds.Hold(t, followBound(len(query)), func() { page.Link.Follow(query) })
		if err := page.Settings.Validate(); err != nil {
			t.Errorf("%q: %v", query, err)
		}
		if page.Messages.Notice != nil && len(page.Messages.Notice.Text) > 2000 {
			t.Errorf("%q: a notice of %d bytes", query, len(page.Messages.Notice.Text))
		}
		if page.Messages.Notice == nil && page.Link.Expected == nil {
			other := visitor()
			other.Link.Follow(page.Link.Query(false))
			if other.Settings != page.Settings {
				t.Errorf("%q: %+v becomes %q and then %+v", query, page.Settings, page.Link.Query(false), other.Settings)
			}
		}
	})
}

// FuzzFollowEmbed holds the same for the address of a frame, which has panels to show
// and settings to lock that there are.
func FuzzFollowEmbed(f *testing.F) {
	f.Add("?experiment=3&lambda=1e-4&panels=loss,latent&lock=hidden,seed&load=auto&autoplay=1&theme=dark")
	f.Add("?panels=graph&lock=everything&load=never&autoplay=yes&theme=blue&latent=many")
	f.Add("?panels=,recon,,recon&lock=%zz")
	f.Fuzz(func(t *testing.T, query string) {
		page := visitor()
		bounds.Hold(t, followBound(len(query)), func() { page.FollowEmbed(query) })
		if err := page.Settings.Validate(); err != nil {
			t.Errorf("%q: %v", query, err)
		}
		if page.Messages.Notice != nil && len(page.Messages.Notice.Text) > 4000 {
			t.Errorf("%q: a notice of %d bytes", query, len(page.Messages.Notice.Text))
		}
		if len(page.Embed.Panels) == 0 {
			t.Errorf("%q: there is no panel to show", query)
		}
		for _, panel := range page.Embed.Panels {
			if !slices.Contains(EmbedPanels, panel) {
				t.Errorf("%q: panel %q", query, panel)
			}
		}
		for _, name := range page.Embed.Lock {
			if _, ok := experiment.Lookup(name); !ok {
				t.Errorf("%q: locks %q", query, name)
			}
		}
	})
}
